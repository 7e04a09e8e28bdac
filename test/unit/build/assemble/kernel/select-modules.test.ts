import t from 'tap';
import type { ModuleInfo } from '../../../../../src/build/assemble/kernel/modinfo.ts';
import {
  type ModuleCatalog,
  closeOverDependencies,
  expandEntries,
} from '../../../../../src/build/assemble/kernel/select-modules.ts';

const catalog: ModuleCatalog = {
  paths: new Map(
    [
      'fs/ext4/ext4',
      'fs/jbd2/jbd2',
      'lib/crc16',
      'drivers/net/ethernet/intel/e1000/e1000',
      'drivers/net/veth',
      'drivers/md/dm-verity',
    ].map(path => [path.slice(path.lastIndexOf('/') + 1).replaceAll('-', '_'), `kernel/${path}.ko.xz`]),
  ),
  builtin: new Set(['virtio_pci']),
};

const info = (
  name: string,
  depends: readonly string[] = [],
  softdeps: readonly string[] = [],
): ModuleInfo => ({
  name,
  depends,
  softdeps,
  aliases: [],
  firmware: [],
  vermagic: '',
});

const loader =
  (infos: readonly ModuleInfo[]) =>
  async (names: readonly string[]): Promise<ReadonlyMap<string, ModuleInfo>> =>
    new Map(names.map(name => [name, infos.find(item => item.name === name) ?? info(name)]));

t.test('names and patterns', async t => {
  t.same(
    [...expandEntries(['dm-verity', 'virtio_pci', 'drivers/net/ethernet/**'], catalog)],
    ['dm_verity', 'e1000'],
  );
  t.same([...expandEntries(['drivers/net/*'], catalog)].sort(), ['e1000', 'veth']);
});

t.test('a name the kernel does not have: said, with what is close', async t => {
  t.throws(() => expandEntries(['ext5'], catalog), {
    code: 'KERNEL_MODULE_UNKNOWN',
    message: 'choosing kernel modules: the kernel has no module "ext5"',
    hint: 'did you mean ext4?',
  });
  t.throws(() => expandEntries(['drivers/none/**'], catalog), { code: 'KERNEL_MODULE_UNKNOWN' });
});

t.test('dependencies come along, through all levels and once', async t => {
  const infos = [info('ext4', ['jbd2', 'crc16', 'virtio_pci']), info('jbd2', ['crc16'])];
  const closed = await closeOverDependencies(new Set(['ext4']), catalog, loader(infos));
  t.same([...closed.keys()].sort(), ['crc16', 'ext4', 'jbd2']);
});

t.test('soft dependencies come along where the kernel has them', async t => {
  const infos = [info('ext4', [], ['pre: crc16 nowhere post: veth'])];
  const closed = await closeOverDependencies(new Set(['ext4']), catalog, loader(infos));
  t.same([...closed.keys()].sort(), ['crc16', 'ext4', 'veth']);
});

t.test('a dependency that is missing is said with who needs it', async t => {
  await t.rejects(closeOverDependencies(new Set(['ext4']), catalog, loader([info('ext4', ['lost'])])), {
    code: 'KERNEL_MODULE_UNKNOWN',
    message: 'choosing kernel modules: the kernel has no module "lost", which ext4 needs',
  });
});

t.test('modules that depend on each other do not loop', async t => {
  const infos = [info('ext4', ['jbd2']), info('jbd2', ['ext4'])];
  t.equal((await closeOverDependencies(new Set(['ext4']), catalog, loader(infos))).size, 2);
});
