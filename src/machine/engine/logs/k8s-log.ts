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
  readonly partial: boolean;
}

const NEWLINE = 0x0a;
const HEAD = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) (stdout|stderr) ([PF]) /;
const MAX_HEAD = 64;

/** Cuts the stream of a log file into records; lines it does not understand are passed over. */
export class LogParser {
  #rest: Buffer = Buffer.alloc(0);

  /** Records that end in this chunk; the beginning of the next one is kept. */
  *push(chunk: Buffer): Generator<LogRecord> {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE)) {
      const record = parseLogRecord(data.subarray(0, end));
      data = data.subarray(end + 1);
      if (record !== undefined) yield record;
    }
    // A copy, so that the rest of one line does not keep a whole chunk in memory.
    this.#rest = Buffer.from(data);
  }

  /** Forgets an unfinished line: the file it stood in is over. */
  reset(): void {
    this.#rest = Buffer.alloc(0);
  }
}

/** Parses one line without its newline; undefined when it is not a record. */
export function parseLogRecord(line: Buffer): LogRecord | undefined {
  const match = HEAD.exec(line.toString('latin1', 0, MAX_HEAD));
  if (match === null) return undefined;
  const [head, dateTime, fraction = '', zone = 'Z', stream, tag] = match;
  const milliseconds = Date.parse(`${dateTime}${zone}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return {
    stream: stream === 'stderr' ? 'stderr' : 'stdout',
    timeNs: BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0')),
    text: line.subarray(head.length),
    partial: tag === 'P',
  };
}

/** RFC 3339 with nanoseconds in UTC, as Docker prints log times: `2026-11-21T05:03:43.777367753Z`. */
export function formatLogTime(timeNs: bigint): string {
  const seconds = timeNs / 1_000_000_000n;
  const fraction = String(timeNs % 1_000_000_000n).padStart(9, '0');
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}
