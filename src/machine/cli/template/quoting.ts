/** Go's quoted words: what their escapes mean, and how `%q` writes them. */

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** The text of a quoted or raw string of a template; undefined when it is not valid. */
export function unquoteText(quoted: string): string | undefined {
  const inner = quoted.slice(1, -1);
  if (quoted.startsWith('`')) return inner.replaceAll('\r', '');
  const bytes: Buffer[] = [];
  const pattern = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|(.))|[^\\]+/gsuy;
  let end = 0;
  for (const match of inner.matchAll(pattern)) {
    const [whole, hex, short, long, octal, letter] = match;
    end = match.index + whole.length;
    const byte = hex === undefined ? octal : `0x${hex}`;
    const point = short ?? long;
    if (byte !== undefined) {
      const value = octal === undefined ? Number(byte) : Number.parseInt(octal, 8);
      if (value > 255) return undefined;
      bytes.push(Buffer.from([value]));
    } else if (point !== undefined) {
      const value = Number.parseInt(point, 16);
      if (value > 0x10ffff) return undefined;
      bytes.push(Buffer.from(String.fromCodePoint(value)));
    } else if (letter !== undefined) {
      const meaning = ESCAPES[letter];
      if (meaning === undefined || letter === "'") return undefined;
      bytes.push(Buffer.from(meaning));
    } else bytes.push(Buffer.from(whole));
  }
  return end === inner.length ? Buffer.concat(bytes).toString('utf8') : undefined;
}

/** The number of a character constant, `'a'`; undefined when it is not valid. */
export function unquoteCharacter(quoted: string): number | undefined {
  const inner = quoted.slice(1, -1);
  const text = inner === "\\'" ? "'" : unquoteText(`"${inner}"`);
  const [character, ...rest] = Array.from(text ?? '');
  return rest.length > 0 ? undefined : character?.codePointAt(0);
}

/** Text as Go's `%q` writes it. */
export function quoteText(text: string): string {
  let quoted = '"';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const short = Object.entries(ESCAPES).find(
      ([letter, meaning]) => meaning === character && letter !== "'",
    );
    if (short !== undefined) quoted += `\\${short[0]}`;
    else if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)) quoted += character;
    else if (code < 0x80) quoted += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code < 0x10000) quoted += `\\u${code.toString(16).padStart(4, '0')}`;
    else quoted += `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return `${quoted}"`;
}
