/** A word in single quotes, as every POSIX shell reads it back. */
export function quoteShellWord(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
