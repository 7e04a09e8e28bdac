import t from 'tap';
import { parseRoutes } from '../../../../src/machine/host/routes.ts';

t.test("the kernel's table of routes", t => {
  const text = [
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
    'eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
    'eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
    'wg0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0',
    '',
  ].join('\n');
  t.same(parseRoutes(text), [
    { interface: 'eth0', subnet: '192.168.2.0/24' },
    { interface: 'wg0', subnet: '10.0.0.0/8' },
  ]);
  t.same(parseRoutes(''), []);
  t.end();
});
