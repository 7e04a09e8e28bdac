import t from 'tap';
import { decidePin } from '../../../../src/machine/cloud-init/instance-pin.ts';

t.test('whose data source is heard', async t => {
  const base = { instanceId: 'a', hasState: true, pinned: undefined, repin: false };
  t.same(decidePin({ ...base, hasState: false }), { kind: 'use' }, 'no state: always, nothing is pinned');
  t.same(decidePin(base), { kind: 'use', pin: 'a' }, 'the first one is pinned');
  t.same(decidePin({ ...base, pinned: 'a' }), { kind: 'use' }, 'the same again');
  t.match(decidePin({ ...base, pinned: 'b' }), { kind: 'refuse', reason: /instance "a".*belongs to "b"/ });
  t.same(decidePin({ ...base, pinned: 'b', repin: true }), { kind: 'use', pin: 'a' }, 'repin');
  t.match(
    decidePin({ ...base, instanceId: undefined, pinned: 'b' }),
    { kind: 'refuse' },
    'no id is another one',
  );
});
