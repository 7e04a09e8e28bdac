import { BadValue } from './flags.ts';

/** The fields of one line of comma-separated values, as --mount and --network have them. Throws BadValue. */
export function parseCsv(text: string): string[] {
  const fields: string[] = [];
  let rest = text;
  for (;;) {
    const quoted = /^"((?:[^"]|"")*)"(,|$)/.exec(rest);
    const plain = quoted ?? /^([^",]*)(,|$)/.exec(rest);
    if (plain === null) throw new BadValue(`parse error on line 1: bare " in non-quoted-field`);
    fields.push(quoted === null ? (plain[1] ?? '') : (quoted[1] ?? '').replaceAll('""', '"'));
    if (plain[2] === '') return fields;
    rest = rest.slice(plain[0].length);
  }
}
