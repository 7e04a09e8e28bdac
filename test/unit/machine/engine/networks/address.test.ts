import t from 'tap';
import {
  containsAddress,
  containsSubnet,
  formatAddress,
  formatSubnet,
  lastOf,
  overlaps,
  parseAddress,
  parseSubnet,
  type Subnet,
} from '../../../../../src/machine/engine/networks/address.ts';

const subnet = (text: string): Subnet => {
  const parsed = parseSubnet(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

t.test('addresses are read and written in their usual form', t => {
  const same = ['0.0.0.0', '10.1.2.3', '255.255.255.255', '::', '::1', 'fd00::', 'fe80::1', 'fd00:77::2'];
  const others: readonly [string, string][] = [
    ['FD00:0:0:0:0:0:0:1', 'fd00::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['10:0:0:0:0:0:0:10', '10::10'],
    ['::ffff:1.2.3.4', '::ffff:102:304'],
  ];
  for (const [text, usual] of [...same.map((one): [string, string] => [one, one]), ...others]) {
    const address = parseAddress(text);
    t.equal(address === undefined ? undefined : formatAddress(address), usual);
  }
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4/8',
    'fe80::1%eth0',
    ':::',
    'x',
    '1.2.3.4\n',
  ]) {
    t.equal(parseAddress(text), undefined, JSON.stringify(text));
  }
  t.end();
});

t.test('subnets', t => {
  t.equal(formatSubnet(subnet('10.1.2.3/16')), '10.1.0.0/16');
  t.equal(formatSubnet(subnet('fd00:1::5/64')), 'fd00:1::/64');
  t.equal(formatSubnet(subnet('1.2.3.4/0')), '0.0.0.0/0');
  t.equal(formatAddress({ version: 4, value: lastOf(subnet('10.1.0.0/16')) }), '10.1.255.255');
  for (const text of [
    '10.0.0.0',
    '10.0.0.0/33',
    'fd00::/129',
    '10.0.0.0/',
    '/8',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
  ])
    t.equal(parseSubnet(text), undefined, text);
  t.ok(containsAddress(subnet('10.1.0.0/16'), { version: 4, value: subnet('10.1.255.255/32').base }));
  t.notOk(containsAddress(subnet('10.1.0.0/16'), { version: 4, value: subnet('10.2.0.0/32').base }));
  t.notOk(containsAddress(subnet('::/0'), { version: 4, value: 1n }), 'of another version');
  t.ok(overlaps(subnet('10.0.0.0/8'), subnet('10.9.0.0/24')));
  t.ok(overlaps(subnet('10.9.0.0/24'), subnet('10.0.0.0/8')));
  t.notOk(overlaps(subnet('10.0.0.0/24'), subnet('10.0.1.0/24')));
  t.ok(containsSubnet(subnet('10.0.0.0/8'), subnet('10.9.0.0/24')));
  t.notOk(containsSubnet(subnet('10.9.0.0/24'), subnet('10.0.0.0/8')));
  t.end();
});
