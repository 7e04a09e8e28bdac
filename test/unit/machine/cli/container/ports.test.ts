import t from 'tap';
import { formatPorts } from '../../../../../src/machine/cli/container/ports.ts';
import { parsePorts } from '../../../../../src/machine/cli/container/port-flag.ts';

t.test('ports of a list', async t => {
  const tcp = (PrivatePort: number, PublicPort?: number, IP?: string) => ({
    ...{ PrivatePort, Type: 'tcp' },
    ...(PublicPort === undefined ? {} : { PublicPort }),
    ...(IP === undefined ? {} : { IP }),
  });
  t.equal(formatPorts([]), '');
  t.equal(formatPorts([tcp(80), tcp(82), tcp(81), { PrivatePort: 53, Type: 'udp' }]), '53/udp, 80-82/tcp');
  t.equal(
    formatPorts([tcp(80, 8080, '::'), tcp(80, 8080, '0.0.0.0'), tcp(443)]),
    '443/tcp, 0.0.0.0:8080->80/tcp, :::8080->80/tcp',
  );
  t.equal(formatPorts([tcp(80, 80, '0.0.0.0'), tcp(81, 81, '0.0.0.0')]), '0.0.0.0:80-81->80-81/tcp');
});

t.test('--publish and --expose', async t => {
  t.strictSame(
    parsePorts(
      ['80', '8080:80', '127.0.0.1:53:53/udp', '[::1]:9000-9001:90-91', '7000-7010:70'],
      ['99', '5-6/udp'],
    ),
    {
      exposed: {
        ...{ '80/tcp': {}, '53/udp': {}, '90/tcp': {}, '91/tcp': {}, '70/tcp': {} },
        ...{ '99/tcp': {}, '5/udp': {}, '6/udp': {} },
      },
      bindings: {
        '80/tcp': [
          { HostIp: '', HostPort: '' },
          { HostIp: '', HostPort: '8080' },
        ],
        '53/udp': [{ HostIp: '127.0.0.1', HostPort: '53' }],
        '90/tcp': [{ HostIp: '::1', HostPort: '9000' }],
        '91/tcp': [{ HostIp: '::1', HostPort: '9001' }],
        '70/tcp': [{ HostIp: '', HostPort: '7000-7010' }],
      },
    },
  );
  t.strictSame(parsePorts(['target=80,published=8080,protocol=udp,host_ip=1.2.3.4'], []).bindings, {
    '80/udp': [{ HostIp: '1.2.3.4', HostPort: '8080' }],
  });
  for (const bad of ['foo', '80:foo', 'x:80:80', '80/icmp', '99999', '1-2:5-9', '']) {
    t.throws(() => parsePorts([bad], []), { name: 'CommandFailure' }, bad);
  }
});
