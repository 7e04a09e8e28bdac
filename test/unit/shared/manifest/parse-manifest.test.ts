import { readFileSync } from 'node:fs';
import t from 'tap';
import { starterManifest, systemName } from '../../../../src/build/cli/starter-manifest.ts';
import {
  kernelCommandLine,
  kernelPackage,
  manifestDigest,
  manifestImages,
} from '../../../../src/shared/manifest/manifest.ts';
import { parseManifest } from '../../../../src/shared/manifest/parse-manifest.ts';

const ROOT = new URL('../../../../', import.meta.url);

function parse(...texts: string[]) {
  return parseManifest(texts.map((text, i) => ({ name: `site/m${i}.yml`, text })));
}

t.test('defaults are filled in', async t => {
  const { manifest, warnings } = parse('services: []\n');
  t.match(manifest, {
    name: 'm0',
    hostname: 'm0',
    compression: 'zstd',
    rescue: 'login',
    kernel: {
      platforms: ['virtio', 'virtualbox', 'vmware', 'hyperv', 'baremetal'],
      modules: [],
      firmware: [],
    },
    trust: { state: 'fixed', datasources: ['nocloud'] },
    state: { format: false },
    sysctl: {},
  });
  t.notOk('version' in manifest);
  t.same(warnings, []);
  t.equal(kernelCommandLine(manifest, 'amd64'), 'console=tty0 console=ttyS0,115200 panic=10');
  t.match(kernelCommandLine(manifest, 'arm64'), / console=ttyAMA0,115200 panic=10$/);
  t.equal(kernelPackage(manifest, 'arm64'), 'linux-image-arm64');
});

t.test('the name comes from the file where the manifest has none', async t => {
  for (const [file, name] of [
    ['examples/My OS.yaml', 'my-os'],
    ['-', 'slipway'],
    ['/a/..yml', 'slipway'],
    ['C:\\x\\Web.yml', 'web'],
  ] as const) {
    t.equal(parseManifest([{ name: file, text: 'services: []' }]).manifest.name, name, file);
  }
});

t.test('several files are merged from left to right', async t => {
  const { manifest } = parse(
    'name: base\nkernel: {cmdline: console=ttyS0, modules: [a]}\nservices: [{name: a, image: x}]\nsysctl: {vm.k: 1, vm.l: 2}\ntrust: {datasources: [nocloud], state: any}\n',
    'hostname: h\nkernel: {cmdline: console=ttyS1, modules: [b, a]}\nservices: [{name: b, image: ./y}]\nsysctl: {vm.l: 3}\ntrust: {datasources: []}\n',
  );
  t.equal(manifest.name, 'base');
  t.equal(manifest.hostname, 'h');
  t.equal(manifest.kernel.cmdline, 'console=ttyS1');
  t.same(manifest.kernel.modules, ['a', 'b']);
  t.same(manifest.sysctl, { 'vm.k': '1', 'vm.l': '3' });
  t.same(
    manifest.trust,
    { state: 'any', datasources: [] },
    'a later list of sources replaces an earlier one',
  );
  t.same(
    manifest.services.map(s => [s.name, s.place.file]),
    [
      ['a', 'site/m0.yml'],
      ['b', 'site/m1.yml'],
    ],
  );
  t.equal(manifestImages(manifest)[1]?.source.kind, 'recipe-folder');
});

t.test('the digest is of what is said, not of how', async t => {
  const digest = (text: string) => manifestDigest(parseManifest([{ name: 'm.yml', text }]).manifest);
  const one = digest('name: a\nkernel:\n  modules: [x, y]\n');
  t.equal(digest('# a comment\n\n"kernel": {modules: ["x", "y"]}\nname: a\n'), one);
  t.not(digest('name: a\nkernel:\n  modules: [y, x]\n'), one);
});

const LINUXKIT = `
kernel:
  cmdline: "console=tty0 console=ttyS0 page_poison=1"
init:
  - linuxkit/init:45a1ad5919f0b6acf0f0cf730e9434abfae11fe6
  - linuxkit/runc:6062483d748609d505f2bcde4e52ee64a3329f5f
  - linuxkit/containerd:e7a92d9f3282039eac5fb1b07cac2b8664cbf0ad
  - linuxkit/ca-certificates:5aaa343474e5ac3ac01f8b917e82efb1063d80ff
onboot:
  - name: sysctl
    image: linuxkit/sysctl:5a374e4bf3e5a7deeacff6571d0f30f7ea8f56db
  - name: dhcpcd
    image: linuxkit/dhcpcd:e9e3580f2de00e73e7b316a007186d22fea056ee
    command: ["/sbin/dhcpcd", "--nobackground", "-f", "/dhcpcd.conf", "-1"]
  - name: format
    image: linuxkit/format:3fb088f60ed73ba4a15be41e44654b74112fd3f9
  - name: format
    image: linuxkit/format:3fb088f60ed73ba4a15be41e44654b74112fd3f9
    command: ["/usr/bin/format", "-label", "DATA"]
services:
  - name: getty
    image: linuxkit/getty:5d86a2ce2d890c14ab66b13638dcadf74f29218b
    env:
      - INSECURE=true
    binds.add:
      - /etc/resolv.conf:/etc/resolv.conf
  - name: dhcpcd
    image: linuxkit/dhcpcd:e9e3580f2de00e73e7b316a007186d22fea056ee
  - name: nginx
    image: nginx:1.19.5-alpine
    capabilities:
      - CAP_NET_BIND_SERVICE
      - CAP_CHOWN
      - CAP_SETUID
    uid: nginx
    gid: 1000
    net: /run/netns/web
    pid: host
    rlimits: ["nofile,1024,4096"]
    resources:
      memory: {limit: 67108864, swap: 100663296}
      cpu: {quota: 50000, period: 100000, shares: 1024}
      pids: {limit: 50}
    binds:
      - /etc/resolv.conf:/etc/resolv.conf
onshutdown:
  - name: shutdown
    image: busybox:latest
    command: ["/bin/echo", "so long"]
files:
  - path: /etc/linuxkit.yml
    metadata: yaml
  - path: etc/nginx/html
    directory: true
    uid: nginx
    mode: "0755"
  - path: etc/alias
    symlink: /etc/linuxkit.yml
  - path: root/.ssh/authorized_keys
    source: ~/.ssh/id_rsa.pub
    mode: "0600"
    optional: true
trust:
  org:
    - linuxkit
`;

t.test('a manifest of the shape of LinuxKit is read', async t => {
  const { manifest, warnings } = parseManifest([{ name: 'linuxkit.yml', text: LINUXKIT }]);
  t.same(
    manifest.init.map(image => image.source.name),
    ['docker.io/linuxkit/ca-certificates:5aaa343474e5ac3ac01f8b917e82efb1063d80ff'],
  );
  t.same(
    manifest.services.map(s => `${s.section} ${s.name} ${s.id}`),
    [
      'onboot sysctl 100',
      'onboot dhcpcd-2 101',
      'onboot format 102',
      'onboot format-2 103',
      'services getty 105',
      'services dhcpcd 106',
      'services nginx 107',
      'onshutdown shutdown 104',
    ],
    'names are unique; numbers are given as LinuxKit does',
  );
  t.same(
    warnings.map(w => `${w.place?.line} ${w.message.split(':')[0]}`),
    [
      '5 linuxkit/init',
      '6 linuxkit/runc',
      '7 linuxkit/containerd',
      '12 onboot repeats the name "dhcpcd"',
      '17 onboot repeats the name "format"',
      '64 trust.org has no effect',
    ],
  );
  t.match(manifest.files, [
    { kind: 'contents', path: 'etc/linuxkit.yml', mode: 0o600, contents: /^files:\n/ },
    { kind: 'directory', path: 'etc/nginx/html', mode: 0o755, uid: 107, gid: 0 },
    { kind: 'symlink', path: 'etc/alias', target: '/etc/linuxkit.yml' },
    { kind: 'source', source: '~/.ssh/id_rsa.pub', optional: true },
  ]);
});

t.test('an image of a registry with nearly the name of a built-in one', async t => {
  const warningsOf = (image: string) =>
    parse(`services:\n  - {name: a, image: ${JSON.stringify(image)}}\n`).warnings.map(
      ({ place, message, hint }) => `${place?.line}:${place?.column} ${message} / ${hint}`,
    );
  t.strictSame(warningsOf('ntpd'), [
    '2:22 image "ntpd" is one of a registry: docker.io/library/ntpd:latest / did you mean "system-images/ntp"? Else write "docker.io/library/ntpd:latest"',
  ]);
  t.match(warningsOf('sysem-images/ntp'), [/did you mean "system-images\/ntp"\?/]);
  for (const image of [
    'ntp',
    'ntpd:1',
    'docker.io/library/ntpd:latest',
    'quay.io/x/ntpd',
    'linuxkit/ntp',
    'nginx',
    'redis',
    `ntpd@sha256:${'a'.repeat(64)}`,
  ])
    t.strictSame(warningsOf(image), [], image);
});

t.test('settings of the engine', async t => {
  const { manifest, warnings } = parse(
    [
      'engine:',
      '  runtimes: [crun, runc]',
      '  registries: {mirrors: {docker.io: [https://a]}, insecure: [lab:5000]}',
      '  log: {max_size: 10M}',
      '  tls: {}',
      'files:',
      '  - {path: etc/system-docker/tls/server-key.pem, source: key.pem}',
      '',
    ].join('\n'),
    'engine: {default_runtime: runc, registries: {mirrors: {b.example: [https://b]}}, log: {max_file: 3}, tls: {port: 99}}\n',
  );
  t.same(manifest.engine, {
    images: true,
    networks: true,
    runtimes: ['crun', 'runc'],
    settings: {
      defaultRuntime: 'runc',
      registries: {
        mirrors: { 'docker.io': ['https://a'], 'b.example': ['https://b'] },
        insecure: ['lab:5000'],
      },
      log: { options: { 'max-size': '10M', 'max-file': '3' } },
      tls: { host: '0.0.0.0', port: 99 },
    },
  });
  t.same(
    warnings.map(warning => warning.message),
    ['/etc/system-docker/tls/server-key.pem is a private key: whoever has the image has it too'],
  );
  t.same(parse('engine: {runtimes: [runc, crun]}\n').manifest.engine.settings, { defaultRuntime: 'runc' });
  t.same(parse('name: a\n').manifest.engine.settings, {});
});

t.test('traps are warned about', async t => {
  const { warnings } = parse(
    [
      'kernel:\n  cmdline: console=ttyS0 console=tty0',
      'services:\n  - name: a\n    image: x\n    binds: ["/a:/x", "/b:/x/"]\n    labels: {io.rancher.os.console: true, io.rancher.os.scope: system, io.rancher.os.detach: "false"}\n    stop: {grace: 2m}',
      'files:\n  - {path: run/a, contents: b}\n  - {path: etc/a, contents: b}\n  - {path: /etc/a, contents: c}\n',
    ].join('\n'),
  );
  t.same(
    warnings.map(w => `${w.place?.line}:${w.place?.column} ${w.message.slice(0, 40)}`),
    [
      '2:12 the last "console=" is tty0: /dev/consol',
      '6:12 "a": two mounts have the destination /x:',
      '7:37 "a": the label io.rancher.os.console has',
      '8:19 "a": when the machine goes down, all ser',
      '10:12 /run/a is not seen on the machine: anoth',
      '12:12 /etc/a is given twice: the later one win',
    ],
  );
});

t.test('merge keys share what services have in common', async t => {
  const { manifest } = parse(
    'services:\n  - &web {name: a, image: x, limits: {memory: 64M}}\n  - {<<: *web, name: b}\n',
  );
  t.same(
    manifest.services.map(s => [s.name, s.config.limits]),
    [
      ['a', { memory: '64M' }],
      ['b', { memory: '64M' }],
    ],
  );
});

t.test('the examples and the starter manifest are sound', async t => {
  for (const name of ['default', 'minimal']) {
    const text = readFileSync(new URL(`examples/${name}.yml`, ROOT), 'utf8');
    const { manifest, warnings } = parseManifest([{ name: `examples/${name}.yml`, text }]);
    t.same(warnings, []);
    t.same(
      manifest.services.map(s => s.name),
      ['udev', 'network', 'ntp', 'syslog', 'console'],
    );
  }
  const starter = starterManifest('My Köln OS!');
  const { manifest, warnings } = parseManifest([{ name: 'slipway.yml', text: starter }]);
  t.same(warnings, []);
  t.equal(manifest.name, systemName('My Köln OS!'));
  t.equal(manifest.name, 'my-k-ln-os');
  const taught = parseManifest([{ name: 'slipway.yml', text: uncommented(starter) }]).manifest;
  t.same(
    taught.services.map(s => s.name),
    ['hello', 'udev', 'network', 'ntp', 'syslog', 'console', 'web'],
  );
  t.same(taught.kernel.modules, ['wireguard']);
  t.same(
    taught.files.map(file => file.path),
    ['etc/motd', 'etc/app.conf'],
  );
});

/** The starter with its commented examples switched on: what it teaches must work too. */
function uncommented(text: string): string {
  const isExample = (line: string): boolean => /^ *# +(- )?[a-z]+:|^# [a-z]+:$/.test(line);
  return text
    .split('\n')
    .map(line => (isExample(line) ? line.replace('# ', '') : line))
    .join('\n');
}
