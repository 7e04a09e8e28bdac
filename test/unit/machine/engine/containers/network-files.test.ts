import t from 'tap';
import {
  formatHosts,
  formatResolvConf,
  parseExtraHost,
  parseResolvConf,
} from '../../../../../src/machine/engine/containers/network-files.ts';

t.test('/etc/hosts: local names, then what is asked for, then the container', async t => {
  t.equal(
    formatHosts(
      '127.0.0.1\tlocalhost\n\n',
      ['db:10.0.0.9', 'six:[fd00::1]', 'machine:host-gateway', 'v6:fd00::2'],
      {
        ownAddresses: ['172.17.0.2'],
        hosts: [{ address: '172.17.0.3', names: ['link', 'l'] }],
        nameservers: [],
        hostGateway: '172.17.0.1',
      },
      ['web.example.org', 'web'],
    ),
    [
      '127.0.0.1\tlocalhost',
      '10.0.0.9\tdb',
      'fd00::1\tsix',
      '172.17.0.1\tmachine',
      'fd00::2\tv6',
      '172.17.0.3\tlink l',
      '172.17.0.2\tweb.example.org web',
      '',
    ].join('\n'),
  );
  const nowhere = { ownAddresses: [], hosts: [], nameservers: [] };
  t.equal(formatHosts('', ['m:host-gateway'], nowhere, []), '\n', 'without a gateway there is no such name');
  t.same(parseExtraHost('a=1.2.3.4'), { name: 'a', address: '1.2.3.4' });
});

t.test('/etc/resolv.conf: the request before the networks before the machine', async t => {
  const machine =
    '# by dhcp\nnameserver 127.0.0.53\nnameserver 192.168.1.1 ; router\nnameserver nonsense\nsearch lan home\noptions edns0\n';
  t.equal(
    formatResolvConf(machine, {}, [], false),
    'nameserver 192.168.1.1\nsearch lan home\noptions edns0\n',
  );
  t.match(formatResolvConf(machine, {}, [], true), 'nameserver 127.0.0.53\nnameserver 192.168.1.1\n');
  t.match(formatResolvConf(machine, { Dns: ['9.9.9.9'] }, [], false), /^nameserver 9\.9\.9\.9\nsearch/);
  t.match(
    formatResolvConf(machine, { Dns: ['9.9.9.9'] }, ['10.89.0.1'], false),
    /^nameserver 10\.89\.0\.1\nsearch/,
  );
  t.equal(
    formatResolvConf(machine, { Dns: [], DnsSearch: ['.'], DnsOptions: ['ndots:1'] }, [], false),
    'nameserver 192.168.1.1\noptions ndots:1\n',
  );
  t.equal(formatResolvConf('', {}, [], false), '');
  t.same(parseResolvConf('domain a\nsearch b c\noptions x\noptions y'), {
    nameservers: [],
    searches: ['b', 'c'],
    options: ['x', 'y'],
  });
});
