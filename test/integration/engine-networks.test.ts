/**
 * Networks with the real netavark and aardvark-dns and Docker's own client, in a network namespace that stands for the
 * machine; another one beyond it stands for the rest of the world. Needs root.
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'networks', { network: true });

const { default: t } = await import('tap');
const { cleanUp, eventually, processesWith, startDaemon } = await import('../support/engine.ts');
const { startNetworkMachine } = await import('../support/network-machine.ts');

const machine = await startNetworkMachine(engineRoot, folder);
const {
  config,
  docker,
  said,
  inspect,
  inside,
  fetch,
  serve,
  untilServing,
  interfaces,
  rules,
  world,
  expectNothing,
} = machine;
t.setTimeout(600_000);
t.teardown(() => {
  machine[Symbol.dispose]();
  cleanUp(folder, join('/sys/fs/cgroup', config.cgroups?.monitors ?? '', '..'));
});

const daemon = await startDaemon(config);
t.teardown(() => daemon.kill());

await t.test('the default network: an address, the way out, and nothing left behind', async t => {
  t.equal(
    await said('network', 'ls', '--format', '{{.Name}} {{.Driver}} {{.Scope}}'),
    'bridge bridge local\nhost host local\nnone null local',
  );
  await serve('one', []);
  await serve('two', []);
  t.equal(
    await inspect('one', '{{.HostConfig.NetworkMode}} {{.NetworkSettings.IPAddress}}'),
    'bridge 172.18.0.2',
  );
  t.equal(await inspect('two', '{{.NetworkSettings.Networks.bridge.IPAddress}}'), '172.18.0.3');
  t.match(await inside('one', 'busybox ip addr show eth0'), { stdout: /inet 172\.18\.0\.2\/16/ });
  t.match(await inside('one', 'busybox ip route'), { stdout: /^default via 172\.18\.0\.1 dev eth0/m });
  t.equal((await inside('one', 'busybox wget -q -O - http://172.18.0.3')).stdout, 'two\n', 'to each other');
  t.equal(
    (await inside('one', 'busybox wget -q -O - http://198.51.100.1')).stdout,
    'world\n',
    'to the world',
  );
  t.equal(await fetch('http://172.18.0.2'), 'one\n', 'from the machine');
  t.match(
    await inside(
      'one',
      'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range',
    ),
    { stdout: /^0\n0\s2147483647\n$/ },
    'every user may listen and ping',
  );
  t.match((await inside('one', 'cat /etc/hosts')).stdout, /^172\.18\.0\.2\t[0-9a-f]{12}$/m);
  const id = await inspect('one', '{{.Id}}');
  const members = JSON.parse(
    await said('network', 'inspect', '-f', '{{json .Containers}}', 'bridge'),
  ) as Record<string, Record<string, string>>;
  t.match(members[id], { Name: 'one', IPv4Address: '172.18.0.2/16', MacAddress: '02:42:ac:12:00:02' });
  t.ok(interfaces().includes('docker-sys'));
  await said('rm', '-f', 'one');
  await said('run', '--name', 'one', '-d', 'test/busybox', 'sleep', '1000');
  t.equal(
    await inspect('one', '{{.NetworkSettings.IPAddress}}'),
    '172.18.0.2',
    'a free address is used again',
  );
  await said('rm', '-f', 'one', 'two');
  expectNothing(t, 'in the end');
});

await t.test('published ports', async t => {
  await serve('web', [
    '-p',
    '8080:80',
    '-p',
    '127.0.0.1:8081:80',
    '-p',
    '80/tcp',
    '-p',
    '5300-5302:5300-5302/udp',
  ]);
  const ports = await said('port', 'web');
  t.match(ports, /^80\/tcp -> 0\.0\.0\.0:8080$/m);
  t.match(ports, /^80\/tcp -> 127\.0\.0\.1:8081$/m);
  t.match(ports, /^5302\/udp -> 0\.0\.0\.0:5302$/m);
  const dynamic = /^80\/tcp -> 0\.0\.0\.0:(3\d{4})$/m.exec(ports)?.[1] ?? '';
  t.equal(await fetch('http://127.0.0.1:8080'), 'web\n', 'on the loopback');
  t.equal(await fetch('http://198.51.100.2:8080'), 'web\n', 'on an own address');
  t.equal(await fetch('http://198.51.100.2:8080', world), 'web\n', 'from the world');
  t.equal(await fetch(`http://198.51.100.2:${dynamic}`, world), 'web\n', 'a port of its choice');
  t.equal(await fetch('http://127.0.0.1:8081'), 'web\n');
  t.equal(await fetch('http://198.51.100.2:8081', world), '', 'the loopback alone');
  t.match(
    await said('ps', '--format', '{{.Ports}}'),
    /0\.0\.0\.0:5300-5302->5300-5302\/udp, .*0\.0\.0\.0:8080->80\/tcp/,
  );
  const taken = await docker('run', '-d', '--name', 'late', '-p', '8080:80', 'test/busybox', 'sleep', '1000');
  t.match(taken, {
    code: 125,
    stderr:
      /driver failed programming external connectivity on endpoint late \([0-9a-f]{64}\): Bind for 0\.0\.0\.0:8080 failed: port is already allocated/,
  });
  t.equal(await inspect('late', '{{.State.Status}} {{.State.ExitCode}}'), 'created 128');
  await said('rm', 'late');
  const listener = createServer().listen(8090, '127.0.0.1');
  await once(listener, 'listening');
  t.match(await docker('run', '--rm', '-p', '8090:80', 'test/busybox', 'true'), {
    code: 125,
    stderr: /8090.*address already in use/,
  });
  listener.close();
  t.match(await docker('run', '--rm', '-p', '203.0.113.7:8091:80', 'test/busybox', 'true'), {
    code: 125,
    stderr: /cannot assign requested address/,
  });
  await serve('all', ['-P', '--expose', '80', '--expose', '443']);
  const published = /^80\/tcp -> 0\.0\.0\.0:(\d+)$/m.exec(await said('port', 'all'))?.[1] ?? '';
  t.equal(await fetch(`http://127.0.0.1:${published}`), 'all\n');
  await said('rm', '-f', 'all', 'web');
  t.equal(await fetch('http://127.0.0.1:8080'), '', 'gone with the container');
  t.same(interfaces(), []);
  t.notMatch(rules(), /dport (8080|5300)/);
});

await t.test('port 53 is published while names are answered, and names are while it is', async t => {
  for (const network of ['first', 'second']) await said('network', 'create', network);
  await serve('web', ['--network', 'first']);
  await serve('other', ['--network', 'second']);
  const resolver = ['--network', 'first', '-p', '53:53/udp', '-p', '53:80/tcp'];
  await serve('resolver', resolver);
  // That container and another network come before and after the rules of port 53.
  await said('network', 'create', 'third');
  await serve('third-web', ['--network', 'third']);
  await said('network', 'create', '--internal', 'fourth');
  await serve('inner-web', ['--network', 'fourth']);
  const answered = async (when: string): Promise<void> => {
    t.equal((await inside('web', 'busybox wget -q -T 3 -O - http://resolver')).stdout, 'resolver\n', when);
    for (const name of ['other', 'third-web', 'inner-web']) {
      t.match(
        await inside(name, `busybox nslookup -type=a ${name}`),
        { code: 0, stdout: /Address: 172/ },
        `${name} ${when}`,
      );
    }
  };
  await answered('with it');
  t.equal(await fetch('http://198.51.100.2:53', world), 'resolver\n', 'from the world');
  t.equal(await fetch('http://127.0.0.1:53'), 'resolver\n');
  await said('restart', '-t', '0', 'resolver');
  await untilServing('resolver');
  await answered('after a restart');
  await said('rm', '-f', 'web', 'other', 'third-web', 'inner-web', 'resolver');
  await said('network', 'rm', 'first', 'second', 'third', 'fourth');
  t.same(interfaces(), []);
  t.notMatch(rules(), /dport/);
});

await t.test('UDP goes to the container that publishes the port now', async t => {
  const sender = join(import.meta.dirname, '../support/udp-sender.ts');
  await said('network', 'create', 'front');
  await said('run', '-d', '--name', 'warm', '--network', 'front', 'test/busybox', 'sleep', '1000');
  const got = async (name: string): Promise<number> => {
    const [, numbers = ''] =
      [...(await inside(name, 'cat /proc/net/snmp')).stdout.matchAll(/^Udp: (\d.*)$/gm)][0] ?? [];
    const [received, unwanted] = numbers.split(' ').map(Number);
    return (received ?? 0) + (unwanted ?? 0);
  };
  const publish = (name: string, ...ports: readonly string[]): Promise<string> =>
    said(
      ...['run', '-d', '--name', name, '--network', 'front', ...ports.flatMap(port => ['-p', port])],
      ...['test/busybox', 'sleep', '1000'],
    );
  // One port, and more than are forgotten one by one.
  for (const ports of [['5353:53/udp'], ['5350-5359:53-62/udp', '5353:53/tcp']]) {
    const how = ports.join(' ');
    const client = spawn(process.execPath, [sender, '198.51.100.2', '5353'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(client.stdout, 'data');
      await publish('first', ...ports);
      await eventually(`UDP, ${how}`, async () => ((await got('first')) > 0 ? true : undefined));
      const address = await inspect('first', '{{.NetworkSettings.Networks.front.IPAddress}}');
      await said('rm', '-f', 'first');
      await said('run', '-d', '--name', 'stranger', '--network', 'front', 'test/busybox', 'sleep', '1000');
      t.equal(await inspect('stranger', '{{.NetworkSettings.Networks.front.IPAddress}}'), address);
      const before = await got('stranger');
      await publish('second', ...ports);
      await eventually(`UDP to the next, ${how}`, async () => ((await got('second')) > 0 ? true : undefined));
      t.same([before, await got('stranger')], [0, 0], `nothing for the stranger, ${how}`);
    } finally {
      client.kill();
    }
    await said('rm', '-f', 'stranger', 'second');
  }
  await said('rm', '-f', 'warm');
  await said('network', 'rm', 'front');
});

await t.test('user networks: names, aliases, fixed addresses, isolation', async t => {
  const id = await said('network', 'create', '--label', 'a=b', 'front');
  t.match(id, /^[0-9a-f]{64}$/);
  await said(
    'network',
    'create',
    '--subnet',
    '10.77.0.0/24',
    '--ip-range',
    '10.77.0.128/25',
    '--gateway',
    '10.77.0.254',
    'back',
  );
  t.equal(
    await said('network', 'inspect', '-f', '{{json .IPAM.Config}}', 'back'),
    '[{"Subnet":"10.77.0.0/24","IPRange":"10.77.0.128/25","Gateway":"10.77.0.254"}]',
  );
  await serve('web', ['--network', 'front', '--network-alias', 'www', '--hostname', 'frontdoor']);
  await serve('client', ['--network', 'front']);
  await serve('fixed', ['--network', 'back', '--ip', '10.77.0.9', '--mac-address', '02:00:00:00:00:09']);
  await serve('next', ['--network', 'back']);
  t.equal(
    await inspect('next', '{{.NetworkSettings.Networks.back.IPAddress}}'),
    '10.77.0.128',
    'from the range',
  );
  const webId = await inspect('web', '{{.Id}}');
  for (const name of ['web', 'www', 'frontdoor', webId.slice(0, 12)]) {
    t.equal((await inside('client', `busybox wget -q -O - http://${name}`)).stdout, 'web\n', name);
  }
  t.match(await inside('client', 'busybox nslookup nobody'), { code: 1 });
  t.match(await inside('client', 'busybox nslookup far.example'), { stdout: /Address: 203\.0\.113\.5/ });
  t.equal((await inside('next', 'busybox wget -q -O - http://fixed')).stdout, 'fixed\n');
  t.match(await inside('fixed', 'busybox ip link show eth0'), { stdout: /02:00:00:00:00:09/ });
  t.equal(
    (await inside('next', 'busybox wget -q -T 2 -O - http://web')).stdout,
    '',
    'no names of other networks',
  );
  const webAddress = await inspect('web', '{{.NetworkSettings.Networks.front.IPAddress}}');
  t.equal((await inside('next', `busybox wget -q -T 2 -O - http://${webAddress}`)).stdout, '', 'nor a way');
  t.equal((await inside('next', 'busybox wget -q -O - http://198.51.100.1')).stdout, 'world\n');
  t.equal(
    await said('ps', '-q', '--no-trunc', '--filter', 'network=back', '--filter', 'name=fixed'),
    await inspect('fixed', '{{.Id}}'),
  );
  t.equal(await said('ps', '-q', '--filter', 'network=front', '--filter', 'name=fixed'), '');
  t.equal(
    await inspect('web', '{{json .NetworkSettings.Networks.front.DNSNames}}'),
    JSON.stringify(['web', 'www', webId.slice(0, 12), 'frontdoor']),
  );
  t.match(await docker('run', '--rm', '--network', 'back', '--ip', '10.77.0.9', 'test/busybox', 'true'), {
    code: 125,
    stderr: /Address already in use/,
  });
  t.match(await docker('run', '--rm', '--network', 'back', '--ip', '10.78.0.9', 'test/busybox', 'true'), {
    code: 125,
    stderr: /no configured subnet or ip-range contain the IP address 10\.78\.0\.9/,
  });
  t.match(await docker('run', '--rm', '--network', 'front', '--ip', '172.19.0.9', 'test/busybox', 'true'), {
    code: 125,
    stderr: /supported only when connecting to networks with user configured subnets/,
  });
  t.match(await docker('run', '--rm', '--network', 'nope', 'test/busybox', 'true'), {
    code: 125,
    stderr: /network nope not found/,
  });
  t.match(await docker('network', 'rm', 'front'), {
    code: 1,
    stderr: /network front id [0-9a-f]{64} has active endpoints/,
  });
  t.match(await docker('network', 'create', 'front'), {
    code: 1,
    stderr: /network with name front already exists/,
  });
  t.match(await docker('network', 'create', '--subnet', '10.77.0.128/25', 'twice'), {
    code: 1,
    stderr: /Pool overlaps/,
  });
  t.match(await docker('network', 'rm', 'bridge'), {
    code: 1,
    stderr: /bridge is a pre-defined network and cannot be removed/,
  });
  t.match(await docker('network', 'create', '-d', 'macvlan', 'x'), {
    code: 1,
    stderr: /plugin "macvlan" not found/,
  });

  await t.test('a new name is known at once', async t => {
    await said('rename', 'client', 'customer');
    t.equal((await inside('web', 'busybox wget -q -O - http://customer')).stdout, 'client\n');
    t.match(await inside('web', 'busybox nslookup client'), { code: 1 });
    await said('rename', 'customer', 'client');
  });

  await t.test('connect and disconnect while it runs', async t => {
    await said('network', 'connect', '--alias', 'bridgehead', '--ip', '10.77.0.20', 'back', 'web');
    t.equal((await inside('next', 'busybox wget -q -O - http://bridgehead')).stdout, 'web\n');
    t.equal(
      (await inside('web', 'busybox wget -q -O - http://fixed')).stdout,
      'fixed\n',
      'it knows both networks',
    );
    t.equal((await inside('web', 'busybox wget -q -O - http://client')).stdout, 'client\n');
    t.match((await inside('web', 'cat /etc/hosts')).stdout, /^10\.77\.0\.20\t/m);
    t.match(await inside('web', 'busybox ip addr show eth1'), { stdout: /10\.77\.0\.20\/24/ });
    t.match(await docker('network', 'connect', 'back', 'web'), {
      code: 1,
      stderr: /endpoint with name web already exists in network back/,
    });
    await said('network', 'disconnect', 'front', 'web');
    t.match(
      await inside('web', 'busybox ip route'),
      { stdout: /^default via 10\.77\.0\.254/m },
      'the way out has moved',
    );
    t.equal((await inside('web', 'busybox wget -q -O - http://198.51.100.1')).stdout, 'world\n');
    t.equal((await inside('client', 'busybox wget -q -T 2 -O - http://web')).stdout, '');
    t.match(await docker('network', 'disconnect', 'front', 'web'), {
      code: 1,
      stderr: /is not connected to network front/,
    });
    await said('network', 'connect', 'front', 'web');
    await said('restart', '-t', '0', 'web');
    await untilServing('web');
    t.equal(
      await inspect('web', '{{range $k, $v := .NetworkSettings.Networks}}{{$k}}={{$v.IPAddress}} {{end}}'),
      `back=10.77.0.20 front=${webAddress}`,
      'kept over a restart',
    );
    t.equal((await inside('client', 'busybox wget -q -O - http://web')).stdout, 'web\n');
  });

  await said('rm', '-f', 'web', 'client', 'fixed', 'next');
  t.equal(await said('network', 'prune', '-f', '--filter', 'label=a'), 'Deleted Networks:\nfront');
  t.equal(await said('network', 'rm', 'back'), 'back');
  t.match(await docker('network', 'rm', 'back'), { code: 1, stderr: /network back not found/ });
  t.same(interfaces(), []);
  t.same(processesWith(join(config.runRoot, 'netavark')), [], 'no name server');
});

await t.test('modes: host, none, of another container, internal, links', async t => {
  await said('run', '-d', '--name', 'alone', '--network', 'none', 'test/busybox', 'sleep', '1000');
  t.equal((await inside('alone', 'ls /sys/class/net')).stdout, 'lo\n');
  t.match(await said('network', 'inspect', '-f', '{{json .Containers}}', 'none'), /"Name":"alone"/);
  await said('network', 'create', '--internal', 'inner');
  t.match(await docker('network', 'connect', 'inner', 'alone'), { code: 1, stderr: /private \(none\) mode/ });
  await said('network', 'disconnect', 'none', 'alone');
  await said('network', 'connect', 'inner', 'alone');
  await serve('hidden', ['--network', 'inner']);
  t.equal((await inside('alone', 'busybox wget -q -O - http://hidden')).stdout, 'hidden\n');
  t.equal((await inside('hidden', 'busybox wget -q -T 2 -O - http://198.51.100.1')).stdout, '', 'no way out');
  t.match(await inside('hidden', 'busybox nslookup far.example'), { code: 1 }, 'nor names of the world');
  await said('restart', '-t', '0', 'alone');
  t.equal(
    (await inside('alone', 'busybox wget -q -O - http://hidden')).stdout,
    'hidden\n',
    'it is in it from now on',
  );

  t.match(await docker('network', 'connect', 'host', 'alone'), {
    code: 1,
    stderr: /connected to host network/,
  });
  await said('run', '-d', '--name', 'machine', '--network', 'host', 'test/busybox', 'sleep', '1000');
  t.match((await inside('machine', 'ls /sys/class/net')).stdout, /uplink/);
  t.match(await docker('network', 'connect', 'inner', 'machine'), {
    code: 1,
    stderr: /sharing network namespace/,
  });

  await serve('main', ['-p', '8085:80']);
  await said('run', '-d', '--name', 'side', '--network', 'container:main', 'test/busybox', 'sleep', '1000');
  t.equal((await inside('side', 'busybox wget -q -O - http://127.0.0.1')).stdout, 'main\n');
  t.equal(
    (await inside('side', 'cat /etc/hostname')).stdout,
    (await inside('main', 'cat /etc/hostname')).stdout,
  );
  t.match(await docker('run', '--rm', '--network', 'container:main', '-p', '80:80', 'test/busybox', 'true'), {
    code: 125,
  });

  await said(
    'run',
    '-d',
    '--name',
    'linked',
    '--link',
    'main:db',
    '--add-host',
    'gw:host-gateway',
    'test/busybox',
    'sleep',
    '1000',
  );
  t.equal((await inside('linked', 'busybox wget -q -O - http://db')).stdout, 'main\n');
  t.match((await inside('linked', 'cat /etc/hosts')).stdout, /^172\.18\.0\.1\tgw$/m);
  // Another takes its address meanwhile.
  await said('stop', '-t', '0', 'main');
  await serve('heir', []);
  await said('start', 'main');
  t.equal((await inside('linked', 'busybox wget -q -O - http://db')).stdout, 'main\n', 'at its new address');
  await said('rm', '-f', 'heir');
  await said('rm', '-f', 'alone', 'hidden', 'machine', 'side', 'linked', 'main');
  await said('network', 'rm', 'inner');
  t.same(interfaces(), []);
});

await t.test('IPv6', async t => {
  await said('network', 'create', '--ipv6', '--subnet', 'fd00:77::/64', 'six');
  await serve('v6', ['--network', 'six', '-p', '8086:80']);
  await said('run', '-d', '--name', 'v6client', '--network', 'six', 'test/busybox', 'sleep', '1000');
  t.equal(await inspect('v6', '{{.NetworkSettings.Networks.six.GlobalIPv6Address}}'), 'fd00:77::2');
  t.match(await inside('v6client', 'busybox nslookup v6'), { stdout: /fd00:77::2/ });
  t.equal((await inside('v6client', 'busybox wget -q -O - http://[fd00:77::2]')).stdout, 'v6\n');
  t.equal(await fetch('http://127.0.0.1:8086'), 'v6\n');
  t.match(await inside('v6client', 'busybox nslookup v6 fd00:77::1'), { stdout: /fd00:77::2/ });
  await said('network', 'create', '--ipv6', '--internal', '--subnet', 'fd00:78::/64', 'inner6');
  await serve('v6inner', ['--network', 'inner6']);
  t.match(
    await inside('v6inner', 'busybox nslookup v6inner fd00:78::1'),
    { stdout: /Address: fd00:78::2/ },
    'names of an internal network',
  );
  await said('rm', '-f', 'v6', 'v6client', 'v6inner');
  await said('network', 'rm', 'six', 'inner6');
  t.notMatch(rules(), /dport/);
});
