import t from 'tap';
import { loadOnce, onDemand } from '../../../../src/machine/engine/on-demand.ts';

t.test('what is loaded late is loaded once, also by several at a time', async t => {
  let loads = 0;
  const load = loadOnce(async () => {
    loads += 1;
    await Promise.resolve();
    return { loads };
  });
  t.equal(loads, 0);
  const [one, other] = await Promise.all([load(), load()]);
  t.equal(one, other);
  t.equal(await load(), one);
  t.equal(loads, 1);
});

t.test('a load that failed is tried again', async t => {
  let loads = 0;
  const load = loadOnce(() => {
    loads += 1;
    return loads === 1 ? Promise.reject(new Error('read error')) : Promise.resolve('there');
  });
  await t.rejects(load(), { message: 'read error' });
  t.equal(await load(), 'there');
});

t.test('a part that is loaded by its first call keeps what it knows', async t => {
  let loads = 0;
  const part = onDemand(() => {
    loads += 1;
    let calls = 0;
    return Promise.resolve({
      count: (by: number) => Promise.resolve((calls += by)),
      fail: () => {
        throw new Error('refused');
      },
    } as { count: (by: number) => Promise<number>; fail: () => Promise<never> });
  });
  t.equal(await Promise.resolve(part), part, 'it is no promise itself');
  t.equal(loads, 0);
  t.equal(await part.count(2), 2);
  t.equal(await part.count(3), 5);
  t.equal(loads, 1);
  await t.rejects(part.fail(), { message: 'refused' });
});
