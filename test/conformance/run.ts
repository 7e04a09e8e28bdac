import { ask, type Kept, fieldOf, fill } from './ask.ts';
import type { Difference } from './differences.ts';
import { type Answer, type Exchange, nameOf } from './exchange.ts';
import { type Mismatch, isObject, mismatches } from './shape.ts';

/** What came of an exchange. */
export interface Result {
  readonly exchange: Exchange;
  /** With ids that were kept in braces again. */
  readonly answer: Answer;
  /** What is not as the tables say. */
  readonly faults: readonly Mismatch[];
}

/** How often an answer that is awaited is looked for. */
const POLL_MS = 100;
const PATIENCE_MS = 120_000;

/** Has the exchanges with an engine, one after the other; results in their order. */
export async function runExchanges(
  socketPath: string,
  exchanges: readonly Exchange[],
  onResult: (result: Result) => void = () => undefined,
): Promise<Result[]> {
  const kept: Kept = new Map();
  const results: Result[] = [];
  for (const exchange of exchanges) {
    kept.set('now', String(Math.ceil(Date.now() / 1000)));
    const answer = await askUntil(socketPath, exchange, kept);
    for (const [name, field] of Object.entries(exchange.keep ?? {})) {
      const value = fieldOf(answer.body, field);
      if (typeof value === 'string') kept.set(name, value);
    }
    const result = { exchange, answer: withNames(answer, kept), faults: faultsOf(exchange, answer, kept) };
    results.push(result);
    onResult(result);
  }
  return results;
}

async function askUntil(socketPath: string, exchange: Exchange, kept: Kept): Promise<Answer> {
  const [field = '', wanted] = exchange.until?.split('=') ?? [];
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask(socketPath, exchange, kept);
    if (field === '' || String(fieldOf(answer.body, field)) === wanted || Date.now() > end) return answer;
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}

function faultsOf(exchange: Exchange, answer: Answer, kept: Kept): Mismatch[] {
  const { status, says, answer: shape, header } = exchange;
  if (answer.status !== status) return [{ at: 'status', found: answer.status, wanted: status }, ...saysOf()];
  return [
    ...saysOf(),
    ...(shape === undefined ? [] : mismatches(answer.body, shape)),
    ...(header === undefined ? [] : mismatches(answer.header, header.shape, 'header')),
  ];

  function saysOf(): Mismatch[] {
    if (says === undefined) return [];
    const sentence = (status >= 400 ? fieldOf(answer.body, 'message') : undefined) ?? answer.body;
    const text = typeof sentence === 'string' ? sentence : JSON.stringify(sentence);
    const wanted = fill(says, kept);
    return text === wanted ? [] : [{ at: 'body', found: text, wanted }];
  }
}

/** Puts the names of what was kept where its values stand, so that answers of two engines are comparable. */
function withNames<T>(value: T, kept: Kept): T {
  const names: [string, string][] = [];
  for (const [name, id] of kept) {
    if (!/^(sha256:)?[0-9a-f]{64}$/.test(id)) continue;
    const hex = id.replace('sha256:', '');
    names.push([hex, `{${name}}`], [hex.slice(0, 12), `{${name}:12}`]);
  }
  const replace = (text: string): string =>
    names.reduce((result, [id, name]) => result.replaceAll(id, name), text);
  const walk = (item: unknown): unknown => {
    if (typeof item === 'string') return replace(item);
    if (Array.isArray(item)) return item.map(walk);
    if (!isObject(item)) return item;
    return Object.fromEntries(Object.entries(item).map(([key, entry]) => [replace(key), walk(entry)]));
  };
  return walk(value) as T;
}

/** What is not as the tables say, in all results. */
export function allFaults(results: readonly Result[]): Difference[] {
  return results.flatMap(({ exchange, faults }) =>
    faults.map(({ at, found, wanted }) => ({ exchange: nameOf(exchange), at, ours: found, theirs: wanted })),
  );
}
