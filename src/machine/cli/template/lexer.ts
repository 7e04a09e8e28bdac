import { ToolError } from '../../../shared/errors.ts';

export interface Token {
  readonly kind:
    | 'text'
    | 'open'
    | 'close'
    | 'field'
    | 'dot'
    | 'variable'
    | 'identifier'
    | 'string'
    | 'number'
    | 'character'
    | 'symbol'
    | 'space'
    | 'end';
  /** As it stands in the template; of a string with its quotes. */
  readonly text: string;
  readonly offset: number;
}

/** One alternative for each kind of token; what none matches is a fault. */
const ACTION_TOKENS = new RegExp(
  [
    '(?<space>[ \\t\\r\\n]+)',
    '(?<field>\\.[\\p{L}_][\\p{L}\\p{Nd}_]*)',
    '(?<number>[+-]?(?:0[xX][\\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\\d[\\d_]*\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?))',
    '(?<dot>\\.)',
    '(?<variable>\\$[\\p{L}\\p{Nd}_]*)',
    '(?<identifier>[\\p{L}_][\\p{L}\\p{Nd}_]*)',
    '(?<string>"(?:[^"\\\\\\n]|\\\\.)*"|`[^`]*`)',
    "(?<character>'(?:[^'\\\\\\n]|\\\\.)*')",
    // Go takes every other printable character for a token too, and complains of it later.
    '(?<symbol>:=|(?![\'"`:])[!-~])',
  ].join('|'),
  'uy',
);

/** A template as tokens: texts, and between `open` and `close` what stands in an action. Throws TEMPLATE_INVALID. */
export function tokenize(template: string, name = ''): Token[] {
  try {
    return tokenizeAll(template);
  } catch (error) {
    if (error instanceof LexicalFault) throw templateFault(template, error.offset, error.message, name);
    throw error;
  }
}

/** What is no token, and where. */
class LexicalFault extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

function tokenizeAll(template: string): Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  let trimsNext = false;
  while (offset < template.length) {
    const start = template.indexOf('{{', offset);
    const end = start < 0 ? template.length : start;
    const trimsText = start >= 0 && /^\{\{-\s/.test(template.slice(start, start + 4));
    let text = template.slice(offset, end);
    if (trimsNext) text = text.replace(/^[ \t\r\n]+/, '');
    if (trimsText) text = text.replace(/[ \t\r\n]+$/, '');
    if (text !== '') tokens.push({ kind: 'text', text, offset });
    if (start < 0) break;
    const opened = start + (trimsText ? 3 : 2);
    const comment = /^\s*\/\*/.exec(template.slice(opened));
    const closed =
      comment === null
        ? tokenizeAction(template, opened, tokens, start)
        : skipComment(template, opened + comment[0].length);
    offset = closed.offset;
    trimsNext = closed.trims;
  }
  tokens.push({ kind: 'end', text: '', offset: template.length });
  return tokens;
}

/** The message of a template that cannot be read, with its line. */
export function templateFault(template: string, offset: number, message: string, name: string): ToolError {
  const line = template.slice(0, offset).split('\n').length;
  return new ToolError(`template: ${name}:${line}: ${message}`, {
    code: 'TEMPLATE_INVALID',
    kind: 'invalid-input',
  });
}

interface Closed {
  readonly offset: number;
  readonly trims: boolean;
}

function tokenizeAction(template: string, opened: number, tokens: Token[], start: number): Closed {
  tokens.push({ kind: 'open', text: '{{', offset: start });
  let offset = opened;
  let depth = 0;
  for (;;) {
    const close = /^(?:\s+-)?\}\}/.exec(template.slice(offset, offset + 256));
    if (close !== null) {
      if (depth > 0) throw new LexicalFault(offset, 'unclosed left paren');
      tokens.push({ kind: 'close', text: '}}', offset });
      return { offset: offset + close[0].length, trims: close[0] !== '}}' };
    }
    if (offset >= template.length) throw new LexicalFault(offset, 'unclosed action');
    ACTION_TOKENS.lastIndex = offset;
    const match = ACTION_TOKENS.exec(template);
    if (match === null) throw badCharacter(template, offset);
    const [text] = match;
    const groups = Object.entries((match.groups ?? {}) as Record<string, string | undefined>);
    const kind = groups.find(([, found]) => found !== undefined)?.[0];
    if (text === '(') depth += 1;
    if (text === ')' && --depth < 0) throw new LexicalFault(offset, 'unexpected right paren');
    tokens.push({ kind: kind as Token['kind'], text, offset });
    offset += text.length;
    const next = template[offset];
    const endsWord = kind === 'field' || kind === 'variable' || kind === 'identifier' || kind === 'number';
    if (endsWord && next !== undefined && !/[\s.,|:=()}]/.test(next)) {
      if (kind === 'number')
        throw new LexicalFault(offset, `bad number syntax: ${JSON.stringify(text + next)}`);
      throw new LexicalFault(offset, `bad character ${describeCharacter(next)}`);
    }
  }
}

function skipComment(template: string, offset: number): Closed {
  const end = template.indexOf('*/', offset);
  if (end < 0) throw new LexicalFault(offset, 'unclosed comment');
  const close = /^(?:\s+-)?\}\}/.exec(template.slice(end + 2));
  if (close === null) throw new LexicalFault(end, 'comment ends before closing delimiter');
  return { offset: end + 2 + close[0].length, trims: close[0] !== '}}' };
}

function badCharacter(template: string, offset: number): LexicalFault {
  const character = String.fromCodePoint(template.codePointAt(offset) ?? 0);
  if (character === '"') return new LexicalFault(offset, 'unterminated quoted string');
  if (character === '`') return new LexicalFault(offset, 'unterminated raw quoted string');
  if (character === "'") return new LexicalFault(offset, 'unterminated character constant');
  if (character === ':') return new LexicalFault(offset, 'expected :=');
  return new LexicalFault(offset, `unrecognized character in action: ${describeCharacter(character)}`);
}

function describeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')} '${character}'`;
}
