import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSystemError } from '../../shared/errors.ts';

/** Names of the kernel's consoles, such as `tty0` and `ttyS0`, the last one being /dev/console. */
export function listConsoles(): string[] {
  try {
    return readFileSync('/sys/class/tty/console/active', 'utf8').trim().split(/\s+/).filter(Boolean);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  }
}

/**
 * Writes text to every console. A console that is stuck (flow control, nobody at the other end) is given up
 * after a second, so that it can't stop the boot.
 */
export async function writeConsoles(
  text: string,
  consoles: readonly string[] = listConsoles(),
): Promise<void> {
  await Promise.all(consoles.map(name => writeConsole(`/dev/${name}`, text)));
}

async function writeConsole(device: string, text: string): Promise<void> {
  let file: number;
  try {
    file = openSync(device, constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENXIO', 'EIO', 'ENODEV', 'EBUSY')) return;
    throw error;
  }
  try {
    let rest = Buffer.from(text.replaceAll('\n', '\r\n'));
    for (let tries = 0; rest.length > 0 && tries < 50; tries++) {
      try {
        rest = rest.subarray(writeSync(file, rest));
      } catch (error) {
        if (isSystemError(error, 'EIO', 'ENXIO', 'EPIPE')) return;
        if (!isSystemError(error, 'EAGAIN')) throw error;
        await sleep(20);
      }
    }
  } finally {
    closeSync(file);
  }
}
