import { ToolError } from '../../shared/errors.ts';
import { isAbort, isSystemFault } from './exit-code.ts';
import { printable } from './format.ts';

const MAX_CAUSES = 5;

/** What a person is shown of anything that was thrown: message, causes, code and hint; a bug keeps its stack. */
export function formatError(error: unknown): string {
  if (isAbort(error)) return 'interrupted; nothing was left half-written\n';
  if (isSystemFault(error)) return formatSystemFault(error);
  if (!(error instanceof ToolError)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `this is a bug in slipway:\n${printable(stack)}\n`;
  }
  const lines = [`error: ${printable(error.message)}`];
  let cause = error.cause;
  for (let depth = 0; cause instanceof Error && depth < MAX_CAUSES; depth++) {
    const text = printable(cause.message);
    if (!lines.some(line => line.includes(text))) lines.push(`  because ${text}`);
    cause = cause.cause;
  }
  if (error.hint) lines.push(`  hint: ${printable(error.hint)}`);
  lines.push(`  code: ${error.code}`);
  return `${lines.join('\n')}\n`;
}

const SYSTEM_HINTS: Readonly<Record<string, string>> = {
  EACCES: 'check the permissions of the path and of the folders above it',
  EPERM: 'check the permissions of the path and of the folders above it',
  EROFS: 'that file system is read-only; name a folder on another one',
  ENOSPC: 'make room on that disk, or name a folder on another one',
  EDQUOT: 'make room within your quota, or name a folder on another disk',
  EISDIR: 'name a file',
  ENOTDIR: 'a part of that path is a file; name a folder',
  EMFILE: 'raise the limit of open files ("ulimit -n")',
};

/** A refusal of the operating system that no stage has put into words of its own. */
function formatSystemFault(error: NodeJS.ErrnoException): string {
  const code = error.code ?? '';
  // Node writes `CODE: what, call 'path'`, and `call CODE path` for sockets and programs.
  const what = /^[A-Z0-9]+: ([^,]+), /.exec(error.message)?.[1] ?? error.message;
  const paths = [error.path, (error as { readonly dest?: string }).dest].filter(Boolean).join(' to ');
  const object = paths === '' ? '' : ` ${paths}`;
  const hint = SYSTEM_HINTS[code];
  return (
    `error: ${printable(`${error.syscall ?? 'system call'}${object}: ${what}`)}\n` +
    (hint === undefined ? '' : `  hint: ${hint}\n`) +
    `  code: ${code}\n`
  );
}
