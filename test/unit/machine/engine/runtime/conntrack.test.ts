import t from 'tap';
import { flowPorts } from '../../../../../src/machine/engine/runtime/conntrack.ts';

t.test('ports of flows, before translation', t => {
  const list = [
    'udp      17 29 src=127.0.0.1 dst=127.0.0.1 sport=50283 dport=5302 [UNREPLIED] src=10.1.0.2 dst=127.0.0.1 sport=53 dport=50283 mark=0 use=1',
    'udp      17 29 src=::1 dst=::1 sport=44331 dport=5301 src=::1 dst=::1 sport=5301 dport=44331 [ASSURED] mark=0 use=1',
    '',
  ].join('\n');
  t.same([...flowPorts(list)], [5302, 5301]);
  t.same([...flowPorts('')], []);
  t.end();
});
