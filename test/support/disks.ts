import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { makeExt4 } from '../../src/build/tools/mkfs-ext4.ts';
import { PACK_TOOLS } from '../../src/build/tools/packages.ts';
import { type Toolbox, openToolbox } from '../../src/build/tools/toolbox.ts';
import { makeBlankDisk } from '../../src/build/vm/disk.ts';
import type { VmDisk } from '../../src/build/vm/hardware.ts';
import { type SeedFiles, makeSeedDisk } from '../../src/build/vm/seed.ts';
import { testTools } from './boot.ts';
import { unpackPackageSets } from './locked-tools.ts';

const BLOCK_BYTES = 4096;
let packTools: Promise<Toolbox> | undefined;

/** The build's own tools; here for e2fsprogs. */
function tools(): Promise<Toolbox> {
  return (packTools ??= (async () => {
    const { arch } = await testTools();
    const [root = ''] = await unpackPackageSets([{ arch, set: PACK_TOOLS }]);
    return openToolbox({ root, epoch: 0, arch });
  })());
}

/** A disk with an ext4 file system and nothing else, no partition table either. */
export async function makeExt4Disk(file: string, label: string, sizeMb = 64): Promise<VmDisk> {
  const sizeBytes = sizeMb * 1024 ** 2;
  await makeBlankDisk(file, sizeBytes);
  await makeExt4(await tools(), file, {
    label,
    uuid: '1f7a9d5e-2b64-4c1e-9f3a-60d8a2c4e7b1',
    blocks: sizeBytes / BLOCK_BYTES,
  });
  return { file, format: 'raw' };
}

/** A NoCloud disk with exactly these files, however wrong they are. */
export async function makeRawSeed(folder: string, files: SeedFiles): Promise<VmDisk> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'seed.img');
  await makeSeedDisk((await testTools()).vm, files, file, folder);
  return { file, format: 'raw' };
}

/** What the superblock of an ext file system says, as `dumpe2fs -h` prints it. */
export async function readExt4Header(file: string): Promise<string> {
  return (await (await tools()).run('dumpe2fs', ['-h', file])).stdout;
}

/** Exit code and text of a full check that changes nothing (`e2fsck -fn`); 0 is free of faults. */
export async function checkExt4(
  file: string,
): Promise<{ readonly exitCode: number; readonly stdout: string }> {
  return (await tools()).run('e2fsck', ['-fn', file], { exitCodes: [4, 8, 12] });
}

/** True when every byte is zero. */
export async function isAllZeros(file: string): Promise<boolean> {
  await using handle = await open(file, 'r');
  const buffer = Buffer.alloc(1024 ** 2);
  for (;;) {
    const { bytesRead } = await handle.read(buffer);
    if (bytesRead === 0) return true;
    if (buffer.subarray(0, bytesRead).some(byte => byte !== 0)) return false;
  }
}
