import t from 'tap';
import { EventBus } from '../../../../src/machine/engine/event-bus.ts';
import { KeyedQueue } from '../../../../src/machine/engine/keyed-queue.ts';

const gate = (): { promise: Promise<void>; open: () => void } => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return { promise: promise.then(() => undefined), open: () => resolve(undefined) };
};

t.test('operations of a key run in order, of others meanwhile, and failures stop nobody', async t => {
  const queue = new KeyedQueue();
  const order: string[] = [];
  const first = gate();
  const one = queue.run('a', async () => {
    await first.promise;
    order.push('a1');
    throw new Error('a1 failed');
  });
  const two = queue.run('a', async () => order.push('a2'));
  await queue.run('b', async () => order.push('b1'));
  t.same(order, ['b1']);
  first.open();
  await t.rejects(one, { message: 'a1 failed' });
  await two;
  t.same(order, ['b1', 'a1', 'a2']);
  await queue.idle();
});

t.test('events reach every reader from its subscription on', async t => {
  const bus = new EventBus<number>();
  const stop = new AbortController();
  bus.publish(0);
  const reader = bus.subscribe(stop.signal);
  bus.publish(1);
  bus.publish(2);
  t.equal((await reader.next()).value, 1);
  t.equal((await reader.next()).value, 2);
  const waiting = reader.next();
  stop.abort();
  t.equal((await waiting).done, true);
});

t.test('a reader that does not keep up is cut off', async t => {
  const bus = new EventBus<number>();
  const reader = bus.subscribe(new AbortController().signal);
  for (let i = 0; i < 1100; i += 1) bus.publish(i);
  await t.rejects(
    async () => {
      for await (const event of reader) t.type(event, 'number');
    },
    { code: 'EVENTS_OVERRUN' },
  );
});
