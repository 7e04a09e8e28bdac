import t from 'tap';
import { joinSettings, parseDaemonJson } from '../../../../../src/machine/engine/settings/daemon-json.ts';

const FILE = '/etc/system-docker/daemon.json';
const read = (value: unknown) => parseDaemonJson(JSON.stringify(value), FILE);

t.test("Docker's keys become settings", async t => {
  t.same(read({}), {});
  t.same(
    read({
      'default-runtime': 'runc',
      'registry-mirrors': ['https://mirror.example', 'http://10.0.0.1:5000/'],
      'insecure-registries': ['lab.example:5000', '[::1]:5000'],
      proxies: {
        'http-proxy': 'http://p:3128',
        'https-proxy': 'http://p:3128',
        'no-proxy': 'localhost,.lab',
      },
      'log-driver': 'local',
      'log-opts': { 'max-size': '10m', 'max-file': '3' },
    }),
    {
      defaultRuntime: 'runc',
      registries: {
        mirrors: { 'docker.io': ['https://mirror.example', 'http://10.0.0.1:5000/'] },
        insecure: ['lab.example:5000', '[::1]:5000'],
        proxies: { http_proxy: 'http://p:3128', https_proxy: 'http://p:3128', no_proxy: 'localhost,.lab' },
      },
      log: { driver: 'local', options: { 'max-size': '10m', 'max-file': '3' } },
    },
  );
});

t.test("a log's options are those of its driver, in whatever order they are written", async t => {
  const log = { driver: 'json-file', options: { 'max-size': '10m' } };
  t.same(read({ 'log-opts': log.options, 'log-driver': log.driver }), { log });
  t.same(read({ 'log-driver': log.driver, 'log-opts': log.options }), { log });
  t.same(read({ 'insecure-registries': ['Registry.Local:5000'] }).registries?.insecure, [
    'registry.local:5000',
  ]);
});

t.test('addresses to listen on', async t => {
  const tlsOf = (...hosts: readonly string[]) => read({ hosts, tlsverify: true }).tls;
  t.same(tlsOf('tcp://0.0.0.0:2376'), { host: '0.0.0.0', port: 2376 });
  t.same(tlsOf('unix:///var/run/docker.sock', 'tcp://:2376'), { host: '0.0.0.0', port: 2376 });
  t.same(tlsOf('tcp://[fd00::1]:99/'), { host: 'fd00::1', port: 99 });
  t.same(tlsOf('tcp://10.0.0.1'), { host: '10.0.0.1', port: 2376 });
  t.same(tlsOf('unix:///var/run/docker.sock'), undefined);
  const image = { tls: { host: '0.0.0.0', port: 2376 } };
  t.equal(
    joinSettings(image, read({ hosts: ['unix:///var/run/docker.sock'] })).tls,
    undefined,
    'closed again',
  );
  t.throws(() => read({ hosts: ['tcp://0.0.0.0:2375'] }), { message: /needs "tlsverify": true/ });
  t.throws(() => read({ hosts: ['tcp://0.0.0.0:2375'], tlsverify: false }), {
    message: /needs "tlsverify": true/,
  });
});

t.test('anything else is refused with its name', async t => {
  const bad: readonly [unknown, RegExp][] = [
    [{ proxies: { 'http-proxy': 'proxy.example:3128' } }, /which is no URL such as/],
    [{ proxies: { 'https-proxy': 'foo bar' } }, /which is no URL such as/],
    [{ 'insecure-registries': ['a:b:c'] }, /which is not HOST or HOST:PORT/],
    [{ 'registry-mirrors': ['https://m/?q#f'] }, /must have no login, "\?" or "#"/],
    [{ 'registry-mirrors': ['https://user@m.example'] }, /must have no login/],
    [{ 'registry-mirrors': ['https://:secret@m.example'] }, /must have no login/],
    [[], /is not a JSON object/],
    [null, /is not a JSON object/],
    [
      { bip: '10.0.0.1/8' },
      /"bip" is not a setting of system-docker, which are default-runtime, hosts, insecure/,
    ],
    [{ constructor: 1 }, /"constructor" is not a setting/],
    [{ 'default-runtime': 'kata' }, /"default-runtime" is neither crun nor runc/],
    [{ 'registry-mirrors': 'https://m' }, /"registry-mirrors" is not a list/],
    [{ 'registry-mirrors': [1] }, /"registry-mirrors" holds something that is not a text/],
    [
      { 'registry-mirrors': ['mirror.example'] },
      /"registry-mirrors" holds "mirror.example", which is no URL/,
    ],
    [{ 'registry-mirrors': ['https://me:secret@m'] }, /which must have no login/],
    [{ 'registry-mirrors': ['ftp://m'] }, /which is no URL/],
    [{ 'insecure-registries': ['10.0.0.0/8'] }, /holds "10.0.0.0\/8", which is not HOST or HOST:PORT/],
    [{ proxies: [] }, /"proxies" is not an object/],
    [{ proxies: { http: 'x' } }, /"proxies" holds "http", which is none of http-proxy/],
    [{ proxies: { 'http-proxy': 1 } }, /"proxies" holds a value that is not a text/],
    [{ 'log-driver': 'syslog' }, /"log-driver" is wrong: logger: no log driver named 'syslog'/],
    [{ 'log-opts': { 'max-size': 'big' } }, /"log-opts" is wrong: invalid size/],
    [{ 'log-driver': 'json-file', 'log-opts': { 'max-size': 1 } }, /"log-opts" holds a value that is not/],
    [{ 'log-opts': { 'max-sise': '1m' } }, /"log-opts" is wrong: unknown log opt 'max-sise'/],
    [{ tlsverify: 'yes' }, /"tlsverify" is neither true nor false/],
    [{ hosts: ['tcp://a:1', 'tcp://b:2'], tlsverify: true }, /more than one TCP address/],
    [{ hosts: ['tcp://a:70000'], tlsverify: true }, /which is not tcp:\/\/ADDRESS:PORT/],
    [{ hosts: ['ssh://a'], tlsverify: true }, /which is not tcp:/],
  ];
  for (const [value, message] of bad) {
    t.throws(() => read(value), { code: 'ENGINE_SETTINGS_INVALID', message }, JSON.stringify(value));
  }
  t.throws(() => parseDaemonJson('{"a"', FILE), { message: /daemon\.json: is not JSON \(.*position/ });
});

t.test('later settings win, one by one', async t => {
  const image = {
    defaultRuntime: 'runc' as const,
    registries: { mirrors: { 'docker.io': ['https://a'], 'b.example': ['https://b'] }, insecure: ['c'] },
    log: { options: { 'max-size': '1m' } },
    tls: { host: '0.0.0.0', port: 2376 },
  };
  t.same(joinSettings(image, {}), image);
  t.same(joinSettings({}, image), image);
  t.same(joinSettings(image, { registries: { mirrors: { 'docker.io': [] } } }), {
    ...image,
    registries: { mirrors: { 'docker.io': [], 'b.example': ['https://b'] }, insecure: ['c'] },
  });
  t.same(
    joinSettings(image, { log: { driver: 'local' } }).log,
    { driver: 'local' },
    'options are of a driver',
  );
  t.same(joinSettings({ log: { driver: 'local' } }, { log: { options: { 'max-file': '2' } } }).log, {
    driver: 'local',
    options: { 'max-file': '2' },
  });
});
