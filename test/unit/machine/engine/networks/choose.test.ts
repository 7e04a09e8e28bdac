import t from 'tap';
import { parseSubnet, type Subnet } from '../../../../../src/machine/engine/networks/address.ts';
import { checkAddress, chooseAddress } from '../../../../../src/machine/engine/networks/choose-address.ts';
import {
  choosePool,
  choosePool6,
  subnetsOf,
} from '../../../../../src/machine/engine/networks/choose-pool.ts';

const taken = (...texts: readonly string[]): Subnet[] =>
  texts.map(text => parseSubnet(text)).filter(subnet => subnet !== undefined);
const pool = { subnet: '10.1.0.0/29', gateway: '10.1.0.1', reserved: { printer: '10.1.0.3' } };

t.test('a subnet apart from all others', t => {
  t.match(choosePool([], true), { subnet: '172.18.0.0/16', gateway: '172.18.0.1' });
  t.match(choosePool(taken('172.18.5.0/24'), true), { subnet: '172.19.0.0/16' });
  t.match(choosePool([], false), { subnet: '172.19.0.0/16' }, "the default network's is left to it");
  t.match(choosePool(taken('172.16.0.0/12'), false), { subnet: '192.168.0.0/20' });
  t.equal(choosePool(taken('172.16.0.0/12', '192.168.0.0/16'), false), undefined);
  const all: { subnet: string; gateway: string; reserved: Readonly<Record<string, string>> }[] = [];
  for (;;) {
    const next = choosePool(subnetsOf([{ pools: all }]), false);
    if (next === undefined) break;
    all.push(next);
  }
  t.equal(all.length, 31, 'as many as Docker has');
  t.match(choosePool6('a'), { subnet: /^fd[0-9a-f:]+::\/64$/, gateway: /^fd[0-9a-f:]+::1$/ });
  t.not(choosePool6('a').subnet, choosePool6('b').subnet);
  t.end();
});

t.test('the lowest free address, never one that has a meaning', t => {
  const given = new Set<string>();
  for (;;) {
    const address = chooseAddress(pool, given);
    if (address === undefined) break;
    given.add(address);
  }
  t.same([...given], ['10.1.0.2', '10.1.0.4', '10.1.0.5', '10.1.0.6']);
  given.delete('10.1.0.4');
  t.equal(chooseAddress(pool, given), '10.1.0.4');
  t.equal(chooseAddress({ ...pool, range: '10.1.0.4/30' }, new Set()), '10.1.0.4', 'from its range');
  t.equal(chooseAddress({ subnet: 'fd00::/64', gateway: 'fd00::1', reserved: {} }, new Set()), 'fd00::2');
  t.end();
});

t.test('an address that is asked for', t => {
  const check = (wanted: string, version: 4 | 6 = 4): object =>
    checkAddress([pool], version, wanted, new Set(['10.1.0.5']));
  t.same(check('10.1.0.4'), { address: '10.1.0.4' });
  t.same(check('10.1.0.3'), { address: '10.1.0.3' }, 'a reserved one is there to be asked for');
  t.same(check('10.1.0.5'), { fault: 'taken' });
  t.same(check('10.1.0.1'), { fault: 'taken' });
  for (const outside of ['10.1.0.0', '10.1.0.7', '10.1.0.8']) t.same(check(outside), { fault: 'outside' });
  t.same(check('fd00::1'), { fault: 'malformed' });
  t.same(check('fd00::1', 6), { fault: 'outside' });
  t.end();
});
