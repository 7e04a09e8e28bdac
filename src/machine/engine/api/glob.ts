/**
 * Whether a pattern of Go's path.Match fits the whole text: `*` and `?` stop at slashes, `[a-z]` and `[^a]` are
 * classes, a backslash takes what follows as it is. A malformed pattern fits nothing.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  // Both are taken along at once, so that no pattern takes longer than their lengths multiplied.
  const tokens = tokensOf(pattern);
  if (tokens === undefined) return false;
  let states = closure(new Set([0]), tokens);
  for (const character of text) {
    const next = new Set<number>();
    for (const state of states) {
      const token = tokens[state];
      if (token === undefined) continue;
      if (token === '*') {
        if (character !== '/') next.add(state);
      } else if (token(character)) next.add(state + 1);
    }
    states = closure(next, tokens);
    if (states.size === 0) return false;
  }
  return states.has(tokens.length);
}

/** Whether a pattern is well formed. */
export function isGlob(pattern: string): boolean {
  return tokensOf(pattern) !== undefined;
}

type Token = '*' | ((character: string) => boolean);

/** A star may stand for nothing. */
function closure(states: ReadonlySet<number>, tokens: readonly Token[]): Set<number> {
  const all = new Set(states);
  for (const state of all) if (tokens[state] === '*') all.add(state + 1);
  return all;
}

function tokensOf(pattern: string): Token[] | undefined {
  const characters = Array.from(pattern);
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    if (character === '*') tokens.push('*');
    else if (character === '?') tokens.push(other => other !== '/');
    else if (character === '[') {
      const set = classAt(characters, at + 1);
      if (set === undefined) return undefined;
      tokens.push(set.test);
      at = set.end;
    } else if (character === '\\') {
      at += 1;
      const literal = characters[at];
      if (literal === undefined) return undefined;
      tokens.push(other => other === literal);
    } else tokens.push(other => other === character);
  }
  return tokens;
}

/** A class from behind its bracket; `end` is where it closes. */
function classAt(
  characters: readonly string[],
  start: number,
): { readonly test: (character: string) => boolean; readonly end: number } | undefined {
  let at = start;
  const isNegated = characters[at] === '^';
  if (isNegated) at += 1;
  const ranges: [string, string][] = [];
  const take = (): string | undefined => {
    const character = characters[at++];
    return character === '\\' ? characters[at++] : character;
  };
  while (characters[at] !== ']' || ranges.length === 0) {
    const low = take();
    if (low === undefined || (low === ']' && ranges.length === 0)) return undefined;
    let high: string | undefined = low;
    if (characters[at] === '-') {
      at += 1;
      high = take();
    }
    if (high === undefined) return undefined;
    ranges.push([low, high]);
  }
  const test = (character: string): boolean =>
    character !== '/' && ranges.some(([low, high]) => low <= character && character <= high) !== isNegated;
  return { test, end: at };
}
