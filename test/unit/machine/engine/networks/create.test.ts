import t from 'tap';
import { parsePool } from '../../../../../src/machine/engine/networks/create.ts';

const pool = (change: Partial<Parameters<typeof parsePool>[0]>): ReturnType<typeof parsePool> =>
  parsePool({ subnet: '10.1.0.0/16', range: '', gateway: '', reserved: {}, ...change });

t.test('subnets of a request', t => {
  t.same(pool({}), { subnet: '10.1.0.0/16', gateway: '10.1.0.1', reserved: {} });
  t.same(pool({ range: '10.1.4.0/24', gateway: '10.1.0.9', reserved: { a: '10.1.0.7' } }), {
    subnet: '10.1.0.0/16',
    gateway: '10.1.0.9',
    range: '10.1.4.0/24',
    reserved: { a: '10.1.0.7' },
  });
  t.match(pool({ subnet: 'FD00:0::/64' }), { subnet: 'fd00::/64', gateway: 'fd00::1' });
  t.throws(() => pool({ subnet: '10.1.0.1/16' }), {
    message: 'invalid network config:\ninvalid subnet 10.1.0.1/16: it should be 10.1.0.0/16',
  });
  for (const change of [
    { subnet: '' },
    { subnet: 'x' },
    { subnet: '10.1.0.0/31' },
    { range: '10.2.0.0/24' },
    { range: 'x' },
    { gateway: '10.2.0.1' },
    { gateway: 'x' },
    { reserved: { a: '10.2.0.1' } },
  ]) {
    t.throws(() => pool(change), { code: 'ENGINE_INVALID_PARAMETER' }, JSON.stringify(change));
  }
  t.end();
});
