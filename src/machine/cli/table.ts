/**
 * Columns as Docker prints them: ten characters or more, at least three blanks between. The last column
 * is not padded.
 */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(10, ...all.map(row => (row[column] ?? '').length + 3)));
  const lines = all.map(row =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join(''),
  );
  return `${lines.join('\n')}\n`;
}

/** Text of at most `width` characters, shortened as Docker does. */
export function shorten(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`;
}
