import type { Writable } from 'node:stream';
import { compareApiVersions } from '../../engine-api/api-version.ts';
import { FRAME_HEADER_BYTES, writeFrameHeader } from '../../engine-api/stdcopy.ts';
import { formatLogTime } from '../logs/k8s-log.ts';
import type { LogPiece, OutputReading } from './backend.ts';
import { RAW_STREAM, writeAll } from './exchange.ts';

/** How a container's output is sent. */
export interface OutputFormat {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** As it is, where the container has a terminal; else framed as stdcopy. */
  readonly isRaw: boolean;
  /** Frames may hold many lines: quicker for clients that only copy. Without heads of lines only. */
  readonly isMerged?: boolean;
  readonly timestamps?: boolean;
  /** Stands before each line, if it is asked for. */
  readonly details?: string;
  /** Only pieces from this time on, in nanoseconds since 1970. */
  readonly since?: bigint;
  /** Ends before the first piece after this time. */
  readonly until?: bigint;
}

const NEWLINE = 0x0a;
const MULTIPLEXED = 'application/vnd.docker.multiplexed-stream';

/** The Content-Type of output: up to API 1.41 framed output was called raw as well. */
export function outputType(version: string, isRaw: boolean): string {
  return isRaw || compareApiVersions(version, '1.42') < 0 ? RAW_STREAM : MULTIPLEXED;
}

/**
 * Sends output as fast as the client takes it, until it ends. Throws LOG_READER_TOO_SLOW when the client
 * is too far behind, and when it is gone.
 */
export async function sendOutput(
  reading: OutputReading,
  output: Writable,
  format: OutputFormat,
  signal: AbortSignal,
): Promise<void> {
  const stop = AbortSignal.any([signal, reading.cutOff]);
  const formatter = new OutputFormatter(format);
  try {
    for await (const batch of reading.batches) {
      const { data, isOver } = formatter.push(batch);
      if (data.length > 0) await writeAll(output, data, stop);
      if (isOver) return;
    }
  } catch (error) {
    throw reading.cutOff.aborted ? reading.cutOff.reason : error;
  }
}

/** Makes what is sent out of a container's output. */
export class OutputFormatter {
  readonly #format: OutputFormat;
  /** A long line comes in pieces: what stands before it comes before the first only. */
  readonly #isOpen = { stdout: false, stderr: false };

  constructor(format: OutputFormat) {
    this.#format = format;
  }

  /** The next bytes; `isOver` once what follows is later than `until`. */
  push(batch: readonly LogPiece[]): { readonly data: Buffer; readonly isOver: boolean } {
    const { until } = this.#format;
    const end = until === undefined ? -1 : batch.findIndex(piece => piece.timeNs > until);
    const pieces = end < 0 ? batch : batch.slice(0, end);
    const heads = this.#hasHeads() ? pieces.map(piece => this.#headOf(piece)) : undefined;
    // An upper limit: what is not wanted is counted too.
    let sizeBytes = pieces.length * (FRAME_HEADER_BYTES + 1);
    for (const piece of pieces) sizeBytes += piece.textBytes;
    for (const head of heads ?? []) sizeBytes += head?.length ?? 0;
    const data = Buffer.allocUnsafe(sizeBytes);
    const { isRaw, isMerged } = this.#format;
    let at = 0;
    let frame = { at: 0, stream: '' };
    let index = -1;
    for (const piece of pieces) {
      index += 1;
      if (!this.#isWanted(piece)) continue;
      if (!isRaw && !(isMerged === true && frame.stream === piece.stream)) {
        frame = { at, stream: piece.stream };
        at += FRAME_HEADER_BYTES;
      }
      at = writePiece(piece, heads?.[index], data, at);
      if (!isRaw) writeFrameHeader(data, frame.at, piece.stream, at - frame.at - FRAME_HEADER_BYTES);
    }
    return { data: data.subarray(0, at), isOver: end >= 0 };
  }

  #isWanted(piece: LogPiece): boolean {
    const { since } = this.#format;
    return this.#format[piece.stream] && (since === undefined || piece.timeNs >= since);
  }

  #hasHeads(): boolean {
    return this.#format.timestamps === true || this.#format.details !== undefined;
  }

  /** Time and details of a line's first piece. */
  #headOf(piece: LogPiece): Buffer | undefined {
    const isContinued = this.#isOpen[piece.stream];
    this.#isOpen[piece.stream] = piece.partial;
    if (isContinued) return undefined;
    const { timestamps, details } = this.#format;
    const time = timestamps === true ? `${formatLogTime(piece.timeNs)} ` : '';
    return Buffer.from(`${time}${details === undefined ? '' : `${details} `}`);
  }
}

/** Writes a piece with what stands before it; answers where the next one begins. */
function writePiece(piece: LogPiece, head: Buffer | undefined, data: Buffer, start: number): number {
  head?.copy(data, start);
  const at = start + (head?.length ?? 0);
  piece.copyText(data, at);
  const end = at + piece.textBytes;
  if (piece.partial) return end;
  data[end] = NEWLINE;
  return end + 1;
}
