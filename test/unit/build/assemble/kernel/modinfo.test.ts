import t from 'tap';
import {
  moduleName,
  parseBuiltinModinfo,
  parseModuleInfo,
  softdepNames,
} from '../../../../../src/build/assemble/kernel/modinfo.ts';
import { makeElf, makeModule } from '../fixtures.ts';

t.test('what a module says about itself', async t => {
  const bytes = makeModule([
    'alias=fs-ext4',
    'alias=pci:v0000*',
    'depends=jbd2,mbcache,crc16',
    'softdep=pre: crc32c-intel post: zstd',
    'firmware=a/b.bin',
    'vermagic=6.12 SMP',
    'description=has = in it',
  ]);
  t.same(parseModuleInfo(bytes, 'kernel/fs/ext4/ext4-fs.ko'), {
    name: 'ext4_fs',
    depends: ['jbd2', 'mbcache', 'crc16'],
    softdeps: ['pre: crc32c-intel post: zstd'],
    aliases: ['fs-ext4', 'pci:v0000*'],
    firmware: ['a/b.bin'],
    vermagic: '6.12 SMP',
  });
});

t.test('a module without the section, or without dependencies', async t => {
  t.match(parseModuleInfo(makeElf(), 'x.ko'), { name: 'x', depends: [], aliases: [] });
  t.match(parseModuleInfo(makeModule(['depends=']), 'x.ko'), { depends: [] });
});

t.test('something that is no module', async t => {
  t.throws(() => parseModuleInfo(Buffer.from('\xfd7zXZ'), 'x.ko.xz'), { code: 'ELF_MALFORMED' });
});

t.test('names', async t => {
  t.equal(moduleName('kernel/drivers/md/dm-verity.ko.xz'), 'dm_verity');
  t.equal(moduleName('dm-verity'), 'dm_verity');
  t.same(softdepNames(['pre: a-b c post: d', 'post: e'], 'pre'), ['a_b', 'c']);
  t.same(softdepNames(['pre: a-b c post: d', 'post: e'], 'post'), ['d', 'e']);
});

t.test('modules that are built in', async t => {
  const infos = parseBuiltinModinfo(
    Buffer.from('ahci.alias=pci:v1\0ahci.alias=pci:v2\0loop-x.file=y\0broken\0'),
  );
  t.same(infos.get('ahci')?.aliases, ['pci:v1', 'pci:v2']);
  t.ok(infos.has('loop_x'));
  t.equal(infos.size, 2);
});
