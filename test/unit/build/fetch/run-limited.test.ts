import t from 'tap';
import { redactUrl } from '../../../../src/build/fetch/redact-url.ts';
import { runLimited } from '../../../../src/build/fetch/run-limited.ts';

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

t.test('at most so many at a time, results in order', async t => {
  let running = 0;
  let most = 0;
  const results = await runLimited([5, 1, 3, 2, 4], 2, undefined, async turns => {
    most = Math.max(most, ++running);
    for (let index = 0; index < turns; index++) await turn();
    running--;
    return turns * 10;
  });
  t.strictSame(results, [50, 10, 30, 20, 40]);
  t.equal(most, 2);
});

t.test('the first fault ends it: the others are told, and nothing more begins', async t => {
  const begun: number[] = [];
  const told: number[] = [];
  const run = runLimited([1, 2, 3, 4], 2, undefined, async (item, signal) => {
    begun.push(item);
    if (item === 1) throw new Error('first');
    while (!signal.aborted) await turn();
    told.push(item);
  });
  await t.rejects(run, { message: 'first' });
  t.strictSame(begun, [1, 2]);
  t.strictSame(told, [2], 'and waited for');
});

t.test('nothing to do, and interrupted before', async t => {
  t.strictSame(await runLimited([], 3, undefined, () => Promise.resolve(1)), []);
  await t.rejects(
    runLimited([1], 3, AbortSignal.abort(new Error('stop')), () => Promise.resolve(1)),
    { message: 'stop' },
  );
});

t.test('addresses are shown without what is secret', async t => {
  t.equal(redactUrl('http://me:secret@host.test:81/a/b?token=secret#secret'), 'http://host.test:81/a/b?…');
  t.equal(redactUrl('file:///a%20b'), 'file:///a%20b');
  t.equal(redactUrl('not an address'), '(malformed address)');
});
