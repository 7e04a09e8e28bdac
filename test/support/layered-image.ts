import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesContent } from '../../src/shared/archive/entry.ts';
import { digestOf } from '../../src/shared/digest.ts';
import { openFileAccess } from '../../src/shared/fs/file-access.ts';
import { readLayer } from '../../src/shared/oci/layer.ts';
import { formatTarHeaders, readTarParts } from '../../src/shared/oci/tar-headers.ts';
import { type TestBlob, type TestImage, blobsOf, entry, file, imageOf, indexOf, tarOf } from './oci-image.ts';
import { type RegistryProgram, type TestRegistry, push, startRegistry } from './registry.ts';

/** An image of two layers that needs everything a layer can have, and what a registry holds of it. */
export interface LayeredImage {
  /** busybox and files that the upper layer hides. */
  readonly base: Uint8Array;
  readonly top: Uint8Array;
  readonly app: TestImage;
  /** The same for two architectures. */
  readonly index: TestBlob;
  /** Starts a registry with `team/app`: tags `1` (the index) and `single`. */
  readonly startRegistry: (program: RegistryProgram, folder: string) => Promise<TestRegistry>;
}

/** A file capability as the kernel takes it: CAP_NET_RAW. */
const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex');

/** Makes the image; `cat /etc/again` of it says `second, which counts`. */
export async function makeLayeredImage(busybox: string): Promise<LayeredImage> {
  const base = await tarOf([
    entry('directory', 'bin'),
    file('bin/busybox', '', { mode: 0o755, content: bytesContent(readFileSync(busybox)) }),
    ...['sh', 'cat', 'ls', 'sleep', 'echo', 'stat', 'id'].map(name =>
      entry('symlink', `bin/${name}`, { target: 'busybox', mode: 0o777 }),
    ),
    entry('directory', 'etc'),
    file('etc/passwd', 'root:x:0:0::/:/bin/sh\n'),
    file('etc/old', 'from below\n'),
    entry('directory', 'data'),
    file('data/hidden', 'below\n'),
    entry('directory', 'tmp', { mode: 0o1777 }),
  ]);
  const top = await tarOf([
    file('etc/.wh.old', ''),
    file('data/.wh..wh..opq', ''),
    file('data/new', 'above\n', { uid: 70_000, gid: 80_000, mtime: 1_500_000_000 }),
    file('etc/again', 'first\n'),
    file('etc/again', 'second, which counts\n'),
    file('etc/ünïcode', 'x'.repeat(5000), {
      xattrs: new Map([
        ['security.capability', CAPABILITY],
        ['user.note', Buffer.from([1, 0, 10, 61, 255])],
      ]),
    }),
    entry('hardlink', 'etc/linked', { target: 'etc/ünïcode' }),
  ]);
  const app = imageOf([base, top], {
    config: { Cmd: ['cat', '/etc/again'], Labels: { tier: 'front' }, User: '0' },
  });
  const arm = imageOf([base], { arch: 'arm64' });
  const index = indexOf({ 'linux/amd64': app, 'linux/arm64': arm });
  return {
    base,
    top,
    app,
    index,
    async startRegistry(program, folder) {
      const registry = await startRegistry(program, folder, 'anonymous');
      await push(registry.host, 'team/app', blobsOf(app, arm), [
        { blob: app.manifest },
        { blob: arm.manifest },
        { blob: index, tag: '1' },
        { blob: app.manifest, tag: 'single' },
      ]);
      return registry;
    },
  };
}

/** What a build lays out: one image, `core/base`, of one layer. */
export async function makeReadOnlyStore(
  store: string,
  tar: Uint8Array,
): Promise<{ readonly diffId: string }> {
  const diffId = digestOf(tar);
  const layer = join(store, 'layers', diffId.slice(7));
  mkdirSync(layer, { recursive: true });
  mkdirSync(join(store, 'images'), { recursive: true });
  const tarFile = `${store}-layer.tar`;
  writeFileSync(tarFile, tar);
  const { kept } = await readLayer(await openFileAccess(tarFile), { name: 'core', file: tarFile });
  const parts = readTarParts(await openFileAccess(tarFile), { name: 'core', file: tarFile, kept });
  writeFileSync(`${layer}.headers`, Buffer.concat(await Array.fromAsync(formatTarHeaders(parts))));
  execFileSync('tar', ['-xf', tarFile, '-C', layer]);
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['/bin/sh'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: [diffId] },
  });
  const image = {
    id: digestOf(config),
    names: ['core/base'],
    repoDigests: [],
    config,
    layers: [{ diffId, sizeBytes: tar.length }],
  };
  writeFileSync(join(store, 'images/index.json'), JSON.stringify({ schema: 1, images: [image] }));
  return { diffId };
}
