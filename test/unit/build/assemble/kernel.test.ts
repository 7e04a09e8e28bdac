import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { assembleKernel } from '../../../../src/build/assemble/kernel.ts';
import type { AssembledKernel, PackageInput } from '../../../../src/build/assemble/inputs.ts';
import { openStore } from '../../../../src/build/store/store.ts';
import { digestTree, makeModule, makePackage, textOf } from './fixtures.ts';

const RELEASE = '6.12.1+deb13-amd64';
const FOLDER = `usr/lib/modules/${RELEASE}`;
const SETS = `
always: { load: [loop], initrd: [], core: [veth] }
platforms:
  virtio: { initrd: [virtio_blk], core: ['drivers/net/ethernet/**'] }
  baremetal: { initrd: [], core: [] }
`;

const modules: Readonly<Record<string, readonly string[]>> = {
  'drivers/block/loop': ['alias=devname:loop-control', 'alias=char-major-10-237'],
  'drivers/block/virtio_blk': ['depends=virtio', 'alias=virtio:d00000002v*'],
  'drivers/virtio/virtio': [],
  'drivers/net/veth': [],
  'drivers/net/ethernet/intel/e1000/e1000': [
    'firmware=intel/e1000.bin',
    'firmware=intel/none.bin',
    'alias=pci:v8086d1*',
  ],
  'drivers/md/dm-verity': ['softdep=pre: virtio'],
};

const kernel = makePackage(`linux-image-${RELEASE}`, {
  [`boot/vmlinuz-${RELEASE}`]: 'the kernel',
  [`${FOLDER}/modules.builtin`]: 'kernel/lib/crc16.ko\n',
  [`${FOLDER}/modules.builtin.modinfo`]: 'crc16.description=x\0',
  [`${FOLDER}/modules.order`]: Object.keys(modules)
    .map(path => `kernel/${path}.ko\n`)
    .join(''),
  ...Object.fromEntries(
    Object.entries(modules).map(([path, fields]) => [`${FOLDER}/kernel/${path}.ko`, makeModule(fields)]),
  ),
});
const firmware = makePackage('firmware-intel', {
  'usr/lib/firmware/intel/e1000.bin': 'fw',
  'usr/lib/firmware/other.bin': 'x',
});

async function assemble(
  root: string,
  more: {
    packages?: readonly PackageInput[];
    platforms?: readonly string[];
    modules?: readonly string[];
    signal?: AbortSignal;
  } = {},
): Promise<AssembledKernel> {
  await using store = await openStore(root);
  return await assembleKernel({
    packages: [makePackage('linux-image-amd64', {}), kernel, firmware],
    platforms: ['virtio'],
    modules: [],
    moduleSets: SETS,
    arch: 'amd64',
    epoch: 7,
    store,
    ...more,
  });
}

t.test('kernel, modules with what they depend on, firmware, and what is missing', async t => {
  const made = await assemble(t.testdir({}), { modules: ['dm-verity'] });
  t.match(made, {
    release: RELEASE,
    initrdLoad: ['loop'],
    missingFirmware: ['intel/none.bin'],
    moduleCount: 6,
  });
  t.match(made.vmlinuz, { kind: 'bytes' });
  const core = made.coreModules;
  t.ok(core.has(`${FOLDER}/kernel/drivers/md/dm-verity.ko`));
  t.ok(core.has('usr/lib/firmware/intel/e1000.bin'));
  t.notOk(core.has('usr/lib/firmware/other.bin'));
  t.match(
    textOf(core, `${FOLDER}/modules.dep`),
    /^kernel\/drivers\/block\/virtio_blk\.ko: kernel\/drivers\/virtio\/virtio\.ko$/m,
  );
  t.match(textOf(core, `${FOLDER}/modules.alias`), 'alias virtio:d00000002v* virtio_blk');
  t.match(textOf(core, `${FOLDER}/modules.softdep`), 'softdep dm_verity pre: virtio');
  t.match(textOf(core, `${FOLDER}/modules.devname`), 'loop loop-control c10:237');
  t.equal(core.get(`${FOLDER}/modules.dep.bin`)?.kind, 'file');
});

t.test('the initrd holds only what finds the medium', async t => {
  const { initrdModules } = await assemble(t.testdir({}));
  const names = initrdModules.entries().flatMap(entry => /([^/]+)\.ko$/.exec(entry.path)?.[1] ?? []);
  t.same(names, ['loop', 'virtio_blk', 'virtio']);
  t.notMatch(textOf(initrdModules, `${FOLDER}/modules.dep`), 'e1000');
});

t.test('again, and in another store: the same bytes', async t => {
  const one = t.testdir({});
  const digests: string[] = [];
  for (const root of [one, one, `${one}/other`])
    digests.push(await digestTree((await assemble(root)).coreModules));
  t.equal(new Set(digests).size, 1);
});

t.test('faults', async t => {
  const root = t.testdir({});
  await t.rejects(assemble(root, { packages: [firmware] }), { code: 'KERNEL_PACKAGE_MISSING' });
  const second = makePackage('linux-image-2', { 'boot/vmlinuz-2': '' });
  await t.rejects(assemble(root, { packages: [kernel, second] }), { code: 'KERNEL_PACKAGE_MISSING' });
  await t.rejects(assemble(root, { platforms: ['amiga'] }), {
    code: 'KERNEL_PLATFORM_UNKNOWN',
    hint: 'platforms are baremetal, virtio',
  });
  await t.rejects(assemble(root, { modules: ['e100'] }), {
    code: 'KERNEL_MODULE_UNKNOWN',
    hint: 'did you mean e1000?',
  });
});

t.test('an interruption does not wait for every module', async t => {
  const folder = t.testdir({});
  const stored = await Promise.all(
    kernel.entries.map(async (entry, index) => {
      if (entry.kind !== 'file' || entry.content.kind !== 'bytes' || !entry.path.endsWith('.ko'))
        return entry;
      const file = join(folder, String(index));
      await writeFile(file, entry.content.bytes);
      const size = entry.content.bytes.length;
      return { ...entry, content: { kind: 'slice' as const, file, offset: 0, size } };
    }),
  );
  const packages = [makePackage('linux-image-amd64', {}), { ...kernel, entries: stored }, firmware];
  await t.resolves(assemble(join(folder, 'a'), { packages }));
  const signal = AbortSignal.abort(new Error('stop'));
  await t.rejects(assemble(join(folder, 'b'), { packages, signal }), { message: 'stop' });
});
