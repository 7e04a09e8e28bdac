import { ToolError } from '../../shared/errors.ts';

/**
 * Docker's framing of two output streams on one connection: eight bytes (stream, three zeros, length in
 * big endian) before each piece.
 */
export type StdStream = 'stdout' | 'stderr';

/** Bytes before each piece. */
export const FRAME_HEADER_BYTES = 8;
const MAX_FRAME_BYTES = 64 * 1024 * 1024;
const NUMBERS: Readonly<Record<StdStream, number>> = { stdout: 1, stderr: 2 };

/** One frame. */
export function formatFrame(stream: StdStream, data: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + data.length);
  writeFrameHeader(frame, 0, stream, data.length);
  data.copy(frame, FRAME_HEADER_BYTES);
  return frame;
}

/** Writes the eight bytes before a piece. */
export function writeFrameHeader(target: Buffer, at: number, stream: StdStream, sizeBytes: number): void {
  target.writeUInt32BE(NUMBERS[stream] * 0x0100_0000, at);
  target.writeUInt32BE(sizeBytes, at + 4);
}

/** Takes frames apart again, however they were cut into chunks. */
export class FrameParser {
  #rest: Buffer = Buffer.alloc(0);

  /** Throws STREAM_MALFORMED (kind integrity) for what is no frame. */
  *push(chunk: Buffer): Generator<{ readonly stream: StdStream; readonly data: Buffer }> {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (data.length >= FRAME_HEADER_BYTES) {
      const number = data[0] ?? 0;
      const length = data.readUInt32BE(4);
      if (number > 2 || data.readUInt32BE(0) !== number * 0x0100_0000 || length > MAX_FRAME_BYTES) {
        throw new ToolError(`unrecognized input header: ${number}`, {
          code: 'STREAM_MALFORMED',
          kind: 'integrity',
        });
      }
      if (data.length < FRAME_HEADER_BYTES + length) break;
      const stream = number === 2 ? 'stderr' : 'stdout';
      yield { stream, data: data.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length) };
      data = data.subarray(FRAME_HEADER_BYTES + length);
    }
    this.#rest = Buffer.from(data);
  }
}
