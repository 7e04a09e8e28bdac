import t from 'tap';
import { parseManifest } from '../../../../src/shared/manifest/parse-manifest.ts';
import { mergeServiceConfig, resolveMount } from '../../../../src/shared/service/config.ts';
import type { ServiceConfig } from '../../../../src/shared/schema/manifest.gen.ts';
import { type ImageFacts, defineServices } from '../../../../src/shared/service/define.ts';

function define(text: string, facts?: ImageFacts) {
  const { manifest } = parseManifest([{ name: 'm.yml', text }]);
  return defineServices(manifest, () => facts);
}
const one = (keys: string, facts?: ImageFacts, section = 'services') =>
  define(`${section}:\n  - {name: a, image: alpine, ${keys}}\n`, facts).definitions[0];

t.test('defaults: the meanings of LinuxKit with least privilege', async t => {
  t.same(one(''), {
    name: 'a',
    section: 'services',
    image: 'docker.io/library/alpine:latest',
    additionalGids: [],
    binds: [],
    mounts: [],
    tmpfs: [],
    devices: [],
    capabilities: [],
    ambient: [],
    net: 'host',
    pid: 'new',
    ipc: 'host',
    uts: 'host',
    readonly: false,
    noNewPrivileges: true,
    privileged: false,
    sysctl: {},
    rlimits: [],
    limits: {},
    labels: {},
    after: [],
    before: [],
    autostart: true,
    restart: { policy: 'always', delayMs: 100, maxDelayMs: 60_000, maxRetries: 0 },
    timeoutMs: 30_000,
    onFailure: 'continue',
    stop: { graceMs: 10_000 },
  });
  t.equal(one('', { kind: 'recipe', config: {} })?.readonly, true);
  t.equal(one('', { kind: 'recipe', config: { readonly: false } })?.readonly, false);
  t.equal(one('privileged: true')?.noNewPrivileges, false);
  t.equal(one('', undefined, 'onboot')?.restart.policy, 'no');
});

t.test('keys in their final form', async t => {
  for (const [keys, expected] of [
    ['net: none', { net: 'new' }],
    ['hostname: h', { hostname: 'h', uts: 'new' }],
    ['capabilities: [none]', { capabilities: [] }],
    ['uid: 5', { user: '5:0' }],
    ['uid: a, gid: 3, additionalGids: [a, root]', { user: '100:3', additionalGids: [100, 0] }],
    ['user: www-data', { user: 'www-data' }],
    ['ready: {tcp: 80}', { ready: { kind: 'tcp', host: '127.0.0.1', port: 80, intervalMs: 500 } }],
    [
      'ready: {tcp: "[::1]:80", interval: 1s}',
      { ready: { kind: 'tcp', host: '::1', port: 80, intervalMs: 1000 } },
    ],
    ['ready: {exec: [x]}', { ready: { kind: 'exec', command: ['x'], intervalMs: 500 } }],
    ['ready: notify', { ready: { kind: 'notify' } }],
    ['ready: {notify: true}', { ready: { kind: 'notify' } }],
    ['ready: exit', { ready: { kind: 'exit' }, restart: { policy: 'no' } }],
    ['autostart: false', { autostart: false }],
    ['labels: {io.rancher.os.detach: false}', { ready: { kind: 'exit' }, restart: { policy: 'no' } }],
    ['labels: {io.rancher.os.detach: "true"}', { restart: { policy: 'always' } }],
    ['labels: {io.rancher.os.detach: "false"}, ready: notify', { ready: { kind: 'notify' } }],
    ['labels: {io.rancher.os.createonly: "true"}', { autostart: false }],
    ['labels: {io.rancher.os.createonly: true}, autostart: true', { autostart: true }],
    ['ready: {log: up}', { ready: { kind: 'log', pattern: 'up' } }],
    ['restart: "on-failure:3"', { restart: { policy: 'on-failure', maxRetries: 3 } }],
    ['restart: {delay: 2m}', { restart: { policy: 'always', delayMs: 120_000, maxDelayMs: 120_000 } }],
    ['restart: no', { restart: { policy: 'no' } }],
    ['stop: {signal: SIGINT, grace: 1m30s}', { stop: { signal: 'SIGINT', graceMs: 90_000 } }],
    [
      'limits: {memory: 64M, cpus: 0.5, pids: 9}',
      { limits: { memoryBytes: 67_108_864, cpus: 0.5, pids: 9 } },
    ],
    [
      'resources: {memory: {limit: 100000000, swap: 100000050}, cpu: {quota: 50000, shares: 1024}}',
      { limits: { memoryBytes: 100_000_000, swapBytes: 50, cpus: 0.5, cpuWeight: 39 } },
    ],
    ['labels: {n: 1, b: true}', { labels: { n: '1', b: 'true' } }],
    ['labels: {io.rancher.os.after: "network, cloud-init"}', { after: ['network', 'config'] }],
    ['devices: [{path: /dev/x, type: c, major: 1, minor: 2, mode: "0660"}]', { devices: [{ mode: 0o660 }] }],
    ['mounts: [{type: proc}]', { mounts: [{ type: 'proc', source: 'proc', destination: '/proc' }] }],
    ['rlimits: ["RLIMIT_NOFILE,1,2"]', { rlimits: ['nofile,1,2'] }],
    ['on_failure: rescue, timeout: 500ms', { onFailure: 'rescue', timeoutMs: 500 }],
  ] as const) {
    t.match(one(keys), expected, keys);
  }
});

t.test('a pod shares network, ipc and uts, and processes if it asks', async t => {
  const { definitions } = define(
    'services:\n  - {name: a, image: x, net: new}\n  - {name: b, image: x, pod: a}\n  - {name: c, image: x, pod: a, pid: pod}\n',
  );
  t.match(definitions[1], { pod: 'a', net: 'pod:a', ipc: 'pod:a', uts: 'pod:a', pid: 'new' });
  t.equal(definitions[2]?.pid, 'pod:a');
  const facts: ImageFacts = { kind: 'recipe', config: { net: 'host', uts: 'new', hostname: 'h' } };
  const inPod = define('services:\n  - {name: a, image: x}\n  - {name: b, image: x, pod: a}\n', facts);
  t.match(inPod.definitions[1], { net: 'pod:a', uts: 'pod:a' }, 'whatever the image wishes for');
  t.notOk('hostname' in (inPod.definitions[1] ?? {}));
});

t.test('precedence: image, label, manifest', async t => {
  const label = (name: string, config: object): ImageFacts => ({
    kind: 'oci',
    labels: { [name]: JSON.stringify(config) },
  });
  const facts = label('org.mobyproject.config', {
    binds: ['/a:/a'],
    capabilities: ['CAP_KILL'],
    pid: 'host',
    env: ['A=1'],
  });
  t.match(one('', facts), { binds: ['/a:/a'], capabilities: ['CAP_KILL'], pid: 'host', env: ['A=1'] });
  t.match(one('binds: [], pid: new, env: [B=2]', facts), { binds: [], pid: 'new', env: ['B=2'] });
  t.match(one('"binds.add": ["/b:/b", "/a:/a"], "capabilities.add": [CAP_CHOWN]', facts), {
    binds: ['/a:/a', '/b:/b'],
    capabilities: ['CAP_KILL', 'CAP_CHOWN'],
  });
  t.match(one('', label('org.mobylinux.config', { net: 'new' })), { net: 'new' });
  t.throws(() => one('', label('org.mobyproject.config', { image: 'x' })), { code: 'IMAGE_LABEL_INVALID' });
  t.throws(() => one('', { kind: 'recipe', config: { uid: 'nobody' } }), { code: 'MANIFEST_INVALID' });
  t.throws(
    () => one('', { kind: 'recipe', config: { ready: { tcp: 1 } } }, 'onboot'),
    { message: /a oneshot is up when .* \(from alpine\)/ },
    'what an image says is checked where it is used',
  );
});

t.test('whom a service runs as: what is above takes the place of every key below', async t => {
  const label = (config: object, user?: string): ImageFacts => ({
    kind: 'oci',
    labels: { 'org.mobyproject.config': JSON.stringify(config) },
    ...(user === undefined ? {} : { user }),
  });
  const root = label({ uid: 0, gid: 0 });
  t.equal(one('user: "1000:1000"', root)?.user, '1000:1000');
  t.equal(one('gid: 5', root)?.user, '0:5');
  t.equal(one('uid: 7', root)?.user, '7:0');
  const named = label({ user: 'web:www' });
  t.equal(one('uid: 200', named)?.user, '200:0');
  t.equal(one('gid: 5', named)?.user, 'web:5');
  t.equal(one('', label({}, 'nobody'))?.user, undefined, "the image's own");
  t.equal(one('gid: 5', label({}, 'nobody'))?.user, 'nobody:5');
  t.equal(one('gid: 5', label({}, '33:33'))?.user, '33:5');
  t.equal(one('gid: 5', label({}, ''))?.user, '0:5');
  t.equal(one('gid: 5', { kind: 'recipe', config: {} })?.user, '0:5');
  t.equal(one('user: web, gid: 5')?.user, 'web:5');
});

t.test('masked and read-only paths: silence is no empty list', async t => {
  t.match(one('maskedPaths: [], readonlyPaths: [/proc/sys]'), {
    maskedPaths: [],
    readonlyPaths: ['/proc/sys'],
  });
  t.match(one('capabilities: [all]'), { maskedPaths: [], readonlyPaths: [] });
  t.match(one('capabilities: [all], maskedPaths: [/x]'), { maskedPaths: ['/x'], readonlyPaths: [] });
});

t.test('kernel parameters and host names need a namespace of their own', async t => {
  const recipe = (config: ServiceConfig): ImageFacts => ({ kind: 'recipe', config });
  const sysctl = 'sysctl: {net.ipv4.ip_forward: 1}';
  t.match(one(`net: new, ${sysctl}`), { sysctl: { 'net.ipv4.ip_forward': '1' } });
  t.match(one(sysctl, recipe({ net: 'new' })), { net: 'new' });
  t.match(one(sysctl), { net: 'host' }, 'nothing is known of the image yet');
  t.throws(() => one(sysctl, recipe({})), {
    message: /m\.yml:2:\d+: .*net\.ipv4\.ip_forward would be the machine's[^]*add "net: new"/,
  });
  t.throws(() => one('', recipe({ sysctl: { 'kernel.sem': '1' } })), {
    message: /kernel\.sem would be the machine's.*\(from alpine\)/,
  });
  t.match(one('ipc: new, sysctl: {kernel/sem: "1 2 3 4", fs.mqueue.msg_max: 5}', recipe({})), { ipc: 'new' });
  t.match(one('hostname: h, sysctl: {kernel.domainname: d}', recipe({})), { uts: 'new', hostname: 'h' });
  t.throws(() => one('hostname: h', recipe({ uts: 'host' })), {
    message: /a host name needs a namespace of its own, but "uts" is host/,
  });
  t.match(one('hostname: h, uts: new', recipe({ uts: 'host' })), { uts: 'new', hostname: 'h' });
  const shared = one('uts: host', recipe({ hostname: 'h' }));
  t.match(shared, { uts: 'host' });
  t.notOk('hostname' in (shared ?? {}), "the image's own name goes with its namespace");
});

t.test('the order an image wishes for counts where the manifest has the service', async t => {
  const facts: ImageFacts = {
    kind: 'recipe',
    config: { after: ['udev', 'network', 'b'], before: ['x', 'a'] },
  };
  const { definitions } = define(
    'services:\n  - {name: a, image: x}\n  - {name: b, image: y, after: []}\n',
    facts,
  );
  t.match(definitions[0], { after: ['network', 'b'], before: [] });
  t.match(definitions[1], { after: [], before: ['a'] });
});

t.test('a cycle that images make is an error too', async t => {
  const text = 'services:\n  - {name: a, image: x, after: [b]}\n  - {name: b, image: y}\n';
  t.throws(() => define(text, { kind: 'recipe', config: { after: ['a'] } }), { message: /a -> b -> a/ });
  const pod = 'services:\n  - {name: a, image: x}\n  - {name: b, image: y, pod: a}\n';
  t.throws(() => define(pod, { kind: 'recipe', config: { after: ['b'] } }), { message: /a -> b -> a/ });
});

t.test('who asks for more than usual is named', async t => {
  const { warnings } = define(
    'services:\n  - {name: a, image: x, privileged: true, pid: host}\n  - {name: b, image: x}\n',
  );
  t.equal(warnings.length, 1);
  t.match(warnings[0], {
    message:
      'services "a" asks for "privileged", which equals root on the machine, and the machine\'s processes (pid: host)',
    place: { line: 2 },
  });
  const ours = define('services:\n  - {name: a, image: udev, privileged: true, pid: host}\n');
  t.strictSame(ours.warnings, [], "Slipway's own images need what they ask for");
});

t.test('merging keeps the rules of .add', async t => {
  t.same(mergeServiceConfig({ 'binds.add': ['/a:/a'] }, { 'binds.add': ['/b:/b'] }), {
    binds: ['/a:/a', '/b:/b'],
  });
  t.same(mergeServiceConfig({ capabilities: ['all'] }, { 'capabilities.add': ['CAP_KILL'] }), {
    capabilities: ['all'],
  });
  t.same(mergeServiceConfig({ capabilities: ['all'] }, { capabilities: ['none'] }), { capabilities: [] });
});

t.test('mounts are completed as LinuxKit does', async t => {
  t.match(resolveMount({ source: '/x', destination: '/y' }), { type: 'bind' });
  t.match(resolveMount({ destination: '/dev' }), { type: 'tmpfs' });
  t.match(resolveMount({ type: 'mqueue' }), { destination: '/dev/mqueue', source: 'mqueue' });
  t.equal(resolveMount({ type: 'tmpfs' }), undefined);
  t.equal(resolveMount({}), undefined);
});
