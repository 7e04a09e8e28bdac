import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isSystemError } from '../../shared/errors.ts';
import { CommandFailure } from './failure.ts';
import type { Session } from './session.ts';
import { writeOut } from './terminal.ts';

/** Opens a file to upload, or stdin. Throws CommandFailure. */
export async function openInput(session: Session, path: string | undefined): Promise<Readable> {
  if (path === undefined) return session.streams.stdin;
  const stream = createReadStream(path);
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', error => {
      reject(
        isSystemError(error, 'ENOENT')
          ? new CommandFailure(1, `open ${path}: no such file or directory`)
          : error,
      );
    });
  });
  return stream;
}

/** Writes an archive to stdout, or to a file that is there only when it is whole. */
export async function writeArchive(
  session: Session,
  archive: Readable,
  path: string | undefined,
): Promise<void> {
  if (path === undefined) {
    for await (const chunk of archive as AsyncIterable<Buffer>) await writeOut(session.streams.stdout, chunk);
    return;
  }
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await pipeline(archive, createWriteStream(temporary, { mode: 0o600 }));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Archives are not for the eyes. Throws CommandFailure. */
export function refuseTerminal(session: Session, path: string | undefined, hint: string): void {
  if (path === undefined && session.streams.stdout.isTTY) throw new CommandFailure(1, hint);
}
