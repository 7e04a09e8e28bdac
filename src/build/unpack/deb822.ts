import { ToolError } from '../../shared/errors.ts';

/**
 * One paragraph of a Debian control file: field names in lower case -> value. Continuation lines are
 * joined with `\n`, without their leading blank; a line with only a dot stays a dot.
 */
export type Paragraph = ReadonlyMap<string, string>;

/**
 * Parses a control file (deb822(5)) into its paragraphs; comment lines are left out. Throws
 * CONTROL_MALFORMED with the line's number; a field that comes twice in a paragraph is a fault too.
 */
export function parseDeb822(text: string, name: string): Paragraph[] {
  const paragraphs: Paragraph[] = [];
  let current = new Map<string, string>();
  let field: string | undefined;
  const lines = text.split('\n');
  for (const [index, rawLine] of lines.entries()) {
    const line = rawLine.replace(/[ \t\r]+$/, '');
    const fault = (what: string): ToolError =>
      new ToolError(`reading ${name}, line ${index + 1}: ${what}`, {
        code: 'CONTROL_MALFORMED',
        kind: 'invalid-input',
      });
    if (line.startsWith('#')) continue;
    if (line === '') {
      if (current.size > 0) paragraphs.push(current);
      current = new Map();
      field = undefined;
    } else if (line.startsWith(' ') || line.startsWith('\t')) {
      if (field === undefined) throw fault('a continuation line continues nothing');
      current.set(field, `${current.get(field) ?? ''}\n${line.slice(1)}`);
    } else {
      const match = /^([!-,./-9;-~][!-9;-~]*):[ \t]*(.*)$/.exec(line);
      if (!match) throw fault('it is neither "Field: value" nor a continuation');
      field = (match[1] ?? '').toLowerCase();
      if (current.has(field)) throw fault(`the field ${match[1]} comes twice`);
      current.set(field, match[2] ?? '');
    }
  }
  if (current.size > 0) paragraphs.push(current);
  return paragraphs;
}
