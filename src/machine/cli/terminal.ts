import { printable } from '../../shared/yaml/place.ts';

/** The streams a command talks to; the process's own, or a test's. */
export interface CliStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Writes text and waits while the reader does not keep up; a reader that is gone ends the command. */
export function writeOut(stream: NodeJS.WriteStream, data: Buffer | string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, error => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

/**
 * Text for people: on a terminal without control characters, since names, labels and messages may come from anybody and
 * a terminal obeys. What programs read, and bytes, stay as they are.
 */
export function presentable<T extends string | Buffer>(
  text: T,
  stream: { readonly isTTY?: boolean },
): string | T {
  return typeof text === 'string' && stream.isTTY === true ? printable(text) : text;
}
