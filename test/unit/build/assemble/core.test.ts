import { fileURLToPath } from 'node:url';
import t from 'tap';
import { assembleCore } from '../../../../src/build/assemble/core.ts';
import {
  assembleFileSystemsInMemory,
  assembleIdentity,
  assembleInitrd,
} from '../../../../src/build/assemble/initrd.ts';
import type { CoreInput } from '../../../../src/build/assemble/inputs.ts';
import { Tree } from '../../../../src/build/tree/tree.ts';
import { bytesContent } from '../../../../src/shared/archive/entry.ts';
import type { MachineImage } from '../../../../src/shared/machine-image.ts';
import { digestTree, makeElf, makePackage, textOf } from './fixtures.ts';

const EPOCH = 1_700_000_000;
const LIB = 'usr/lib/x86_64-linux-gnu';
const LOADER = '/lib64/ld-linux-x86-64.so.2';
const initFolder = fileURLToPath(new URL('../../../../init', import.meta.url));

const program = (...needed: string[]) => makeElf({ needed, interpreter: LOADER });
const packages = [
  makePackage('libc6', {
    [`${LIB}/ld-linux-x86-64.so.2`]: makeElf(),
    'usr/lib64/ld-linux-x86-64.so.2': { link: '../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2' },
    ...Object.fromEntries(
      ['libc.so.6', 'libm.so.6', 'libdl.so.2', 'libpthread.so.0', 'libnsl.so.1'].map(name => [
        `${LIB}/${name}`,
        makeElf(),
      ]),
    ),
  }),
  makePackage('libgcc-s1', { [`${LIB}/libgcc_s.so.1`]: makeElf({ needed: ['libc.so.6'] }) }),
  makePackage('libstdc++6', {
    [`${LIB}/libstdc++.so.6.0.33`]: makeElf({ needed: ['libm.so.6', 'libc.so.6'] }),
    [`${LIB}/libstdc++.so.6`]: { link: 'libstdc++.so.6.0.33' },
  }),
  makePackage('busybox-static', {
    'usr/bin/busybox': 'ELF\0[\0[[\0acpid\0adjtimex\0cat\0getty\0init\0mke2fs\0poweroff\0sh\0\0',
  }),
  makePackage('crun', { 'usr/bin/crun': program('libc.so.6'), 'usr/bin/crun-wasm': { link: 'crun' } }),
  makePackage('socat', { 'usr/bin/socat': program('libc.so.6') }),
  makePackage('tini', { 'usr/bin/tini-static': makeElf(), 'usr/bin/tini': program('libc.so.6') }),
  makePackage('conmon', { 'usr/bin/conmon': program('libc.so.6') }),
  makePackage('e2fsprogs', {
    'usr/sbin/e2fsck': program('libc.so.6'),
    'usr/sbin/mke2fs': program('libc.so.6'),
    'usr/sbin/resize2fs': program('libc.so.6'),
    'usr/sbin/debugfs': program('libc.so.6'),
    'etc/mke2fs.conf': '',
  }),
];

const machine: MachineImage = {
  name: 'a "quoted" $name',
  version: '1.2',
  slipwayVersion: '0.1.0',
  arch: 'amd64',
  kernelRelease: '6.12',
  builtAt: EPOCH,
  hostname: 'box',
  rescue: 'login',
  engine: { images: false, networks: false, runtimes: ['crun'], settings: {} },
  trust: { state: 'fixed', datasources: [] },
  state: { format: false },
  sysctl: {},
  services: [],
};

function input(more: Partial<CoreInput> = {}): CoreInput {
  const coreModules = new Tree(EPOCH);
  coreModules.file('usr/lib/modules/6.12/kernel/x.ko', 'x');
  const imageStore = new Tree(EPOCH);
  imageStore.file('images/index.json', '{}');
  return {
    packages,
    node: bytesContent(program('libstdc++.so.6', 'libc.so.6')),
    bundles: new Map([
      ['system-docker.cjs', bytesContent('// bundle')],
      ['command-line.cjs', bytesContent('// bundle')],
    ]),
    initFolder,
    machine,
    kernel: { release: '6.12', coreModules },
    imageStore,
    initLayers: [],
    files: [],
    arch: 'amd64',
    epoch: EPOCH,
    ...more,
  };
}

t.test('the core holds what init/ and the machine count on', async t => {
  const { tree } = await assembleCore(input());
  for (const path of [
    'usr/sbin/init',
    'usr/bin/sh',
    'usr/bin/crun',
    'usr/bin/conmon',
    'usr/sbin/mkfs.ext4',
    'etc/inittab',
    'usr/lib/slipway/rc',
    'usr/lib/slipway/run-node',
    'usr/lib/slipway/system-docker.cjs',
    'usr/lib/slipway/command-line.cjs',
    'usr/lib/slipway/command-line.cjs',
    'usr/lib/slipway/runtime/node',
    'usr/lib/modules/6.12/kernel/x.ko',
    'images/index.json',
    'layers',
    'state',
    'dev',
    'proc',
    'etc/shadow',
  ]) {
    t.ok(tree.lookup(path) ?? tree.get(path), path);
  }
  t.equal(textOf(tree, 'usr/lib/slipway/built-at'), `${EPOCH}\n`);
  t.equal(textOf(tree, 'etc/hostname'), 'box\n');
  t.match(textOf(tree, 'etc/os-release'), 'NAME="a \\"quoted\\" \\$name"');
  t.match(textOf(tree, 'etc/shadow'), /^root:\*:/m);
});

t.test('programs of packages that the machine does not use stay out, and so do their libraries', async t => {
  const { tree, packages: report } = await assembleCore(input());
  for (const path of ['usr/sbin/debugfs', 'usr/bin/crun-wasm', `${LIB}/libnsl.so.1`])
    t.notOk(tree.has(path), path);
  t.ok(report.some(item => item.name === 'crun' && item.sizeBytes > 0));
});

t.test('a real program wins over an applet of its name, and a script of init/ over both', async t => {
  const { tree } = await assembleCore(input());
  t.equal(tree.get('usr/sbin/mke2fs')?.kind, 'file');
  t.notOk(tree.has('usr/bin/mke2fs'));
  t.notOk(tree.has('usr/sbin/poweroff'));
  t.match(textOf(tree, 'usr/bin/poweroff'), '#!/bin/sh');
});

t.test("Node's libraries stand beside it under their sonames, as links to the same files", async t => {
  const { tree } = await assembleCore(input());
  const names = tree.below('usr/lib/slipway/runtime/lib').map(entry => entry.path.split('/').at(-1));
  t.same(names, ['ld-linux-x86-64.so.2', 'libc.so.6', 'libm.so.6', 'libstdc++.so.6']);
  const order = tree.entries().map(entry => entry.path);
  for (const entry of tree.entries()) {
    if (entry.kind !== 'hardlink') continue;
    t.ok(
      order.indexOf(entry.target) < order.indexOf(entry.path),
      `${entry.target} is written before ${entry.path}`,
    );
    t.equal(tree.get(entry.target)?.kind, 'file');
  }
});

t.test('init images lie under the core, whiteouts applied between them', async t => {
  const lower = new Tree(EPOCH);
  lower.file('etc/gone', 'x');
  lower.file('etc/kept', 'x');
  lower.file('sbin/init', 'theirs');
  const upper = new Tree(EPOCH);
  upper.put({ kind: 'char-device', path: 'etc/gone', mode: 0, uid: 0, gid: 0, mtime: 0, major: 0, minor: 0 });
  const { tree } = await assembleCore(input({ initLayers: [lower, upper] }));
  t.notOk(tree.has('etc/gone'));
  t.equal(textOf(tree, 'etc/kept'), 'x');
  t.match(textOf(tree, 'usr/sbin/init'), 'acpid');
});

t.test('files of the manifest come last', async t => {
  const files = [
    {
      kind: 'file' as const,
      path: 'etc/hostname',
      mode: 0o600,
      uid: 0,
      gid: 0,
      mtime: 1,
      content: bytesContent('mine'),
    },
  ];
  t.equal(textOf((await assembleCore(input({ files }))).tree, 'etc/hostname'), 'mine');
});

const fileEntry = (path: string, text: string) => ({
  kind: 'file' as const,
  path,
  mode: 0o600,
  uid: 0,
  gid: 0,
  mtime: 1,
  content: bytesContent(text),
});

t.test('OCI hooks are looked at before they keep containers from their start', async t => {
  const hook = (path: string, stage = 'prestart') =>
    JSON.stringify({ version: '1.0.0', hook: { path }, when: { always: true }, stages: [stage] });
  const build = (text: string) =>
    assembleCore(
      input({
        files: [fileEntry('usr/share/containers/oci/hooks.d/a.json', text), fileEntry('usr/lib/data', '')],
      }),
    );
  await build(hook('/lib/slipway/rc'));
  await build(hook('/state/hook'));
  await build(hook('/in/the/container', 'startContainer'));
  const name = 'OCI hook /usr/share/containers/oci/hooks.d/a.json';
  for (const [text, message] of [
    ['{', `${name}: it is not JSON`],
    [hook('/bin/nowhere'), `${name}: there is no /bin/nowhere in the image`],
    [hook('/usr/lib/data'), `${name}: /usr/lib/data is not executable`],
  ] as const) {
    await t.rejects(build(text), { code: 'OCI_HOOK_INVALID', message });
  }
});

t.test('a library that was left out is said with who needs it', async t => {
  const without = packages.filter(item => item.package.name !== 'libgcc-s1');
  await t.rejects(assembleCore(input({ packages: without })), { code: 'PROGRAM_MISSING' });
  const broken = [
    ...packages,
    makePackage('z', { 'usr/bin/conmon': program('libglib.so.0') }, { replaces: 'conmon' }),
  ];
  await t.rejects(assembleCore(input({ packages: broken })), {
    code: 'LIBRARY_MISSING',
    message: 'assembling programs: /usr/bin/conmon needs libglib.so.0, which none of the packages holds',
  });
});

t.test('the same input gives the same bytes', async t => {
  const one = await digestTree((await assembleCore(input())).tree);
  t.equal(await digestTree((await assembleCore(input({ packages: packages.toReversed() }))).tree), one);
});

t.test('the initrd: early script, table, modules to load', async t => {
  const initrdModules = new Tree(EPOCH);
  initrdModules.file('usr/lib/modules/6.12/modules.dep', '');
  const dmsetup = makePackage('dmsetup', { 'usr/sbin/dmsetup': program('libc.so.6') });
  const { programs: tree } = await assembleInitrd({
    packages: [...packages, dmsetup],
    kernel: { release: '6.12', initrdModules, initrdLoad: ['loop', 'squashfs'] },
    initFolder,
    arch: 'amd64',
    epoch: EPOCH,
  });
  const identity = assembleIdentity({
    table: [
      {
        name: 'core',
        required: true,
        sizeBytes: 5,
        sha256: 'a'.repeat(64),
        rootHash: 'b'.repeat(64),
        salt: 'c'.repeat(64),
        dataBlocks: 1,
      },
    ],
    buildId: 'id',
    rescue: 'shell',
    epoch: EPOCH,
  });
  t.match(tree.get('init'), { kind: 'file', mode: 0o755 });
  t.equal(textOf(tree, 'slipway/modules'), 'loop squashfs\n');
  t.match(textOf(identity, 'slipway/table'), /^core required 5 a{64} b{64} c{64} 1\n$/);
  t.equal(textOf(identity, 'slipway/build-id'), 'id\n');
  t.equal(textOf(identity, 'slipway/rescue'), 'shell\n');
  t.ok(tree.has(`${LIB}/libc.so.6`) && tree.has('usr/lib64/ld-linux-x86-64.so.2'));
  t.notOk(tree.has(`${LIB}/libstdc++.so.6.0.33`));
});

t.test('file systems in memory', async t => {
  const tree = assembleFileSystemsInMemory(new Map([['core', { file: '/x', sizeBytes: 9 }]]), EPOCH);
  t.match(tree.get('slipway/fs/core.sqfs'), { content: { kind: 'slice', file: '/x', size: 9 } });
});
