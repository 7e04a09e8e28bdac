import { ToolError, messageOf } from '../../shared/errors.ts';
import type { Session } from './session.ts';

/** A command ends with this exit code; the text, if any, goes to stderr as it is. */
export class CommandFailure extends Error {
  readonly exitCode: number;

  /** @param text lines for stderr, without the last newline; empty for none */
  constructor(exitCode: number, text: string) {
    super(text);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}

/** What is said of a fault: refusals of the engine are told from the command's own. */
export function describeFault(error: unknown): string {
  const text = messageOf(error);
  if (!(error instanceof ToolError)) return text;
  if (error.code === 'ENGINE_REFUSED') return `Error response from daemon: ${text}`;
  return error.hint === undefined ? text : `${text}\nhint: ${error.hint}`;
}

/** Whether the engine has no such object. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ToolError && error.kind === 'not-found';
}

/** A reader of our output that has gone. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}

/** How many containers are asked for the same at once. */
const AT_ONCE = 50;

/**
 * Does something for each of several names, even when it fails for one; the faults come together at the end, as
 * Docker's client has it. What an action returns is printed in the order of the names. Throws CommandFailure.
 */
export async function forEachName(
  session: Pick<Session, 'print'>,
  names: readonly string[],
  action: (name: string) => Promise<string | undefined>,
  { parallel = false }: { readonly parallel?: boolean } = {},
): Promise<void> {
  const faults: string[] = [];
  const running: Promise<string | undefined>[] = [];
  const begin = (index: number): Promise<string | undefined> => {
    const result = action(names[index] ?? '');
    result.catch(() => undefined);
    return result;
  };
  for (const index of names.keys()) {
    const ahead = parallel ? Math.min(names.length, index + AT_ONCE) : index + 1;
    for (let next = running.length; next < ahead; next += 1) running.push(begin(next));
    try {
      const text = await running[index];
      if (text !== undefined) await session.print(text);
    } catch (error) {
      if (isBrokenPipe(error)) throw error;
      if (error instanceof ToolError && error.code === 'ENGINE_UNREACHABLE') throw error;
      faults.push(error instanceof CommandFailure ? error.message : describeFault(error));
    }
  }
  if (faults.length > 0) throw new CommandFailure(1, faults.join('\n'));
}
