import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../../shared/errors.ts';

/**
 * Sends a line to conmon's control FIFO: `2 0 0` reopens the log. False when no conmon reads it.
 */
export async function sendControl(bundle: string, line: string): Promise<boolean> {
  try {
    const handle = await open(join(bundle, 'ctl'), constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      await handle.write(line);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENXIO', 'ENOENT', 'EPIPE')) return false;
    throw error;
  }
}
