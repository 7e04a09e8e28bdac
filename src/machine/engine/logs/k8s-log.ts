/**
 * conmon's `k8s-file` log: `TIME STREAM TAG TEXT\n`, one record a line. TAG is F for the end of a line
 * and P for a piece of one that goes on in the stream's next record.
 */
export interface LogRecord {
  readonly stream: 'stdout' | 'stderr';
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
  /** The text without the line's end. */
  readonly text: Buffer;
  readonly textBytes: number;
  readonly partial: boolean;
  /** Copies the text, without making a buffer for it. */
  copyText(target: Buffer, at: number): void;
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
const LETTER_E = 0x65;
const LETTER_F = 0x46;
const LETTER_O = 0x6f;
const LETTER_P = 0x50;
const LETTER_S = 0x73;
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;
const MIN_TIME = '2026-11-21T05:03:43Z'.length;
const MAX_TIME = '2026-11-21T05:03:43.777367753+00:00'.length;
/** ` stdout F ` */
const REST_OF_HEAD = 10;

const COPY_BY_HAND_BYTES = 48;

/** Cuts the stream of a log file into records; lines it does not understand are passed over. */
export class LogParser {
  #rest: Buffer = Buffer.alloc(0);

  /** Records that end in this chunk; the beginning of the next one is kept. */
  push(chunk: Buffer): LogRecord[] {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const records: LogRecord[] = [];
    let start = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
      const record = parseAt(data, start, end);
      start = end + 1;
      if (record !== undefined) records.push(record);
    }
    // A copy, so that the rest of one line does not keep a whole chunk in memory.
    this.#rest = Buffer.from(data.subarray(start));
    return records;
  }
}

/** Parses one line without its newline; undefined when it is not a record. */
export function parseLogRecord(line: Buffer): LogRecord | undefined {
  return parseAt(line, 0, line.length);
}

/** A container may write millions of lines a second, so only what tells a record from others is looked at. */
function parseAt(data: Buffer, start: number, end: number): LogRecord | undefined {
  // conmon's times all have the same length.
  const usual = start + MAX_TIME;
  const space = isHeadAt(data, usual, end) ? usual : data.indexOf(SPACE, start + MIN_TIME);
  if (space < 0 || space > usual || !isHeadAt(data, space, end)) return undefined;
  return new ParsedRecord(data, start, space, end);
}

/** Whether ` stdout F ` or the like stands here. */
function isHeadAt(data: Buffer, space: number, end: number): boolean {
  const letter = data[space + 4];
  const tag = data[space + 8];
  return (
    space + REST_OF_HEAD <= end &&
    data[space] === SPACE &&
    data[space + 1] === LETTER_S &&
    (letter === LETTER_O || letter === LETTER_E) &&
    data[space + 7] === SPACE &&
    (tag === LETTER_F || tag === LETTER_P) &&
    data[space + 9] === SPACE
  );
}

/** A record inside the chunk that it was read with; most readers never ask for its time. */
class ParsedRecord implements LogRecord {
  readonly stream: 'stdout' | 'stderr';
  readonly partial: boolean;
  readonly textBytes: number;
  readonly #data: Buffer;
  readonly #start: number;
  readonly #space: number;

  constructor(data: Buffer, start: number, space: number, end: number) {
    this.stream = data[space + 4] === LETTER_E ? 'stderr' : 'stdout';
    this.partial = data[space + 8] === LETTER_P;
    this.textBytes = end - space - REST_OF_HEAD;
    this.#data = data;
    this.#start = start;
    this.#space = space;
  }

  get text(): Buffer {
    const start = this.#space + REST_OF_HEAD;
    return this.#data.subarray(start, start + this.textBytes);
  }

  copyText(target: Buffer, at: number): void {
    const start = this.#space + REST_OF_HEAD;
    if (this.textBytes > COPY_BY_HAND_BYTES) {
      this.#data.copy(target, at, start, start + this.textBytes);
      return;
    }
    // Calling into the runtime costs more than so few bytes.
    for (let index = 0; index < this.textBytes; index += 1) {
      target[at + index] = this.#data[start + index] ?? 0;
    }
  }

  get timeNs(): bigint {
    return parseTime(this.#data.toString('latin1', this.#start, this.#space));
  }
}

/** A time that is none is the beginning of all. */
function parseTime(text: string): bigint {
  const [, dateTime, fraction = '', zone = 'Z'] = TIME.exec(text) ?? [];
  const milliseconds = Date.parse(`${dateTime ?? ''}${zone}`);
  if (Number.isNaN(milliseconds)) return 0n;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** RFC 3339 with nanoseconds in UTC, as Docker prints log times: `2026-11-21T05:03:43.777367753Z`. */
export function formatLogTime(timeNs: bigint): string {
  const seconds = timeNs / 1_000_000_000n;
  const fraction = String(timeNs % 1_000_000_000n).padStart(9, '0');
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}
