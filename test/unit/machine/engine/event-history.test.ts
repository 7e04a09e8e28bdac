import t from 'tap';
import { EventHistory } from '../../../../src/machine/engine/event-history.ts';

interface Sample {
  readonly timeMs: number;
  readonly name: string;
}

const take = async (source: AsyncIterable<Sample>, count: number): Promise<string[]> => {
  const names: string[] = [];
  for await (const { name } of source) {
    names.push(name);
    if (names.length === count) break;
  }
  return names;
};

t.test('without a range only what comes is told', async t => {
  const history = new EventHistory<Sample>();
  history.publish({ timeMs: 1, name: 'old' });
  const source = history.read({}, new AbortController().signal);
  history.publish({ timeMs: 2, name: 'new' });
  t.same(await take(source, 1), ['new']);
});

t.test('what has been and what comes, each once', async t => {
  const history = new EventHistory<Sample>();
  history.publish({ timeMs: 1, name: 'too old' });
  history.publish({ timeMs: 2, name: 'a' });
  const source = history.read({ sinceNs: 2_000_000n }, new AbortController().signal);
  history.publish({ timeMs: 3, name: 'b' });
  t.same(await take(source, 2), ['a', 'b']);
  t.equal(history.listeners, 0, 'whoever has read enough is forgotten');
});

t.test('a range that is over ends', async t => {
  const history = new EventHistory<Sample>();
  for (const timeMs of [1, 2, 3]) history.publish({ timeMs, name: String(timeMs) });
  const source = history.read({ sinceNs: 0n, untilNs: 2_000_000n }, new AbortController().signal);
  t.same(await take(source, 9), ['1', '2']);
  t.equal(history.listeners, 0);
});

t.test('a clock that jumps keeps nobody from what happens now', async t => {
  const history = new EventHistory<Sample>();
  const signal = new AbortController().signal;
  const source = history.read(
    { sinceNs: 5_000_000n, untilNs: BigInt(Date.now() + 3_600_000) * 1_000_000n },
    signal,
  );
  history.publish({ timeMs: 1, name: 'a day back' });
  history.publish({ timeMs: Date.now() + 86_400_000, name: 'a day on' });
  t.same(await take(source, 2), ['a day back', 'a day on']);
});

t.test('256 are kept', async t => {
  const history = new EventHistory<Sample>();
  for (let timeMs = 1; timeMs <= 300; timeMs += 1) history.publish({ timeMs, name: String(timeMs) });
  const names = await take(history.read({ untilNs: 1_000_000_000n }, new AbortController().signal), 999);
  t.equal(names.length, 256);
  t.equal(names[0], '45');
});

t.test('an abort ends it', async t => {
  const history = new EventHistory<Sample>();
  const stop = new AbortController();
  const source = history.read({ sinceNs: 0n, untilNs: 10n ** 30n }, stop.signal);
  stop.abort();
  t.same(await take(source, 1), []);
  t.equal(history.listeners, 0);
});
