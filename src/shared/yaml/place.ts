/** Where something stands in a text file, ready to be shown. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in code points. */
  readonly column: number;
  /** The line itself, control and direction characters replaced so that a terminal can show it. */
  readonly text: string;
}

const MAX_SHOWN = 120;
// eslint-disable-next-line no-control-regex -- what would steer a terminal or turn text around
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Text without anything that steers a terminal or reverses reading direction; tabs and line feeds stay. */
export function printable(text: string): string {
  return text.replace(UNSAFE, '\ufffd');
}

/** A value as JSON, shortened, for use inside a message. */
export function quoted(value: unknown): string {
  const json = value === undefined ? 'nothing' : JSON.stringify(value);
  return printable(json.length > 80 ? `${json.slice(0, 77)}...` : json);
}

/** The place of a UTF-16 offset in `text`; an offset beyond the end is the end. */
export function placeAt(file: string, text: string, offset: number): Place {
  return placesIn(file, text)(offset);
}

/** `placeAt` for many offsets of one text: its lines are looked for once, at the first question. */
export function placesIn(file: string, text: string): (offset: number) => Place {
  let starts: number[] | undefined;
  return offset => {
    starts ??= lineStarts(text);
    const at = Math.max(0, Math.min(offset, text.length));
    const line = lineOf(starts, at);
    const start = starts[line - 1] ?? 0;
    const end = text.indexOf('\n', at);
    const whole = text.slice(start, end === -1 ? text.length : end).replace(/\r$/, '');
    const bom = start === 0 && whole.startsWith('\ufeff') ? 1 : 0;
    const before = text.slice(start + bom, at);
    return { file, line, column: codePoints(before).length + 1, text: printable(whole.slice(bom)) };
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) starts.push(i + 1);
  return starts;
}

/** The number, from 1, of the last line that begins at or before `at`. */
function lineOf(starts: readonly number[], at: number): number {
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] ?? 0) <= at) low = middle;
    else high = middle;
  }
  return low + 1;
}

function codePoints(text: string): string[] {
  return Array.from(text);
}

/** `file:line:column`. */
export function formatPlace(place: Place): string {
  return `${printable(place.file)}:${place.line}:${place.column}`;
}

/** The line with its number, and a caret below the column; long lines are cut around the column. */
export function formatSnippet(place: Place): string {
  let points = codePoints(place.text);
  let column = Math.min(place.column - 1, points.length);
  if (points.length > MAX_SHOWN) {
    const from = Math.max(0, Math.min(column - MAX_SHOWN / 2, points.length - MAX_SHOWN));
    const to = from + MAX_SHOWN;
    const head = from > 0 ? '...' : '';
    const tail = to < points.length ? '...' : '';
    points = [...codePoints(head), ...points.slice(from, to), ...codePoints(tail)];
    column = column - from + head.length;
  }
  const gutter = String(place.line);
  const pad = points.slice(0, column).map(c => (c === '\t' ? '\t' : ' '));
  return `${gutter} | ${points.join('')}\n${' '.repeat(gutter.length)} | ${pad.join('')}^`;
}
