import { readFile } from 'node:fs/promises';
import { isSystemError } from '../../shared/errors.ts';
import { BadValue } from './flags.ts';
import { CommandFailure } from './failure.ts';

/** A variable of `-e`: with a value, or with the one it has here; undefined when it has none. */
export function environmentEntry(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (text.includes('=')) return text;
  const value = env[text];
  return value === undefined ? undefined : `${text}=${value}`;
}

/** For `-e`; a name must be there. */
export function collectEnvironment(text: string, before: readonly string[] | undefined): readonly string[] {
  if (text === '' || text.startsWith('=')) throw new BadValue(`invalid environment variable: ${text}`);
  return [...(before ?? []), text];
}

/** Variables of files of `NAME=value` lines, then those that were given one by one. Throws CommandFailure. */
export async function readEnvironment(
  files: readonly string[] | undefined,
  given: readonly string[] | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string[]> {
  const lines: string[] = [];
  for (const file of files ?? []) lines.push(...(await readKeyValueFile(file, 'variable')));
  return [...lines, ...(given ?? [])].flatMap(line => environmentEntry(line, env) ?? []);
}

/** Lines of a file of `NAME=value`, without comments. Throws CommandFailure. */
export async function readKeyValueFile(path: string, what: 'variable' | 'label'): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT'))
      throw new CommandFailure(125, `open ${path}: no such file or directory`);
    throw error;
  }
  const entries: string[] = [];
  for (const line of text.replace(/^\uFEFF/, '').split('\n')) {
    const trimmed = line.replace(/^\s+/, '').replace(/\r$/, '');
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const [name = ''] = trimmed.split(/=/, 1);
    if (name === '') throw new CommandFailure(125, `invalid environment variable: ${trimmed}`);
    if (/\s/.test(name))
      throw new CommandFailure(125, `poorly formatted environment: ${what} '${name}' contains whitespaces`);
    entries.push(trimmed);
  }
  return entries;
}
