import t from 'tap';
import { formatNameRules } from '../../../../../src/machine/engine/networks/internal-names.ts';

t.test('rules that lead port 53 of a gateway to the name server', t => {
  const network = {
    id: 'a'.repeat(64),
    pools: [
      { subnet: '10.1.0.0/16', gateway: '10.1.0.1', reserved: {} },
      { subnet: 'fd00::/64', gateway: 'fd00::1', reserved: {} },
    ],
  };
  t.match(
    formatNameRules(network, true).split('; ').slice(0, 3),
    ['add', 'delete', 'add'].map(word => `${word} table inet system-docker-aaaaaaaaaaaa`),
  );
  t.match(formatNameRules(network, true), / ip daddr 10\.1\.0\.1 .* dport 53 dnat ip to 10\.1\.0\.1:\d+;/);
  t.match(formatNameRules(network, true), / ip6 daddr fd00::1 .* dport 53 dnat ip6 to \[fd00::1\]:\d+$/);
  t.equal(
    formatNameRules(network, false),
    'add table inet system-docker-aaaaaaaaaaaa; delete table inet system-docker-aaaaaaaaaaaa',
  );
  t.end();
});
