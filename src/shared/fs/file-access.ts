import { open } from 'node:fs/promises';
import type { RandomAccess } from '../archive/byte-source.ts';

/** Opens a file for reading at any place. The caller (or the reader it is given to) closes it. */
export async function openFileAccess(file: string): Promise<RandomAccess> {
  const handle = await open(file, 'r');
  const { size } = await handle.stat();
  return {
    sizeBytes: size,
    async readAt(offset, length) {
      const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - offset)));
      let done = 0;
      while (done < bytes.length) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, offset + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    },
    close: () => handle.close(),
  };
}
