import {
  chmodSync,
  lchownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Entry } from '../../src/shared/archive/entry.ts';
import { writeTar } from '../../src/shared/archive/tar.ts';
import { type Digest, digestOf, hexOf } from '../../src/shared/digest.ts';
import { openFileAccess } from '../../src/shared/fs/file-access.ts';
import { readLayer } from '../../src/shared/oci/layer.ts';
import { formatTarHeaders, readTarParts } from '../../src/shared/oci/tar-headers.ts';
import { entry, file } from './oci-image.ts';

const APPLETS = [
  ...[
    'sh',
    'cat',
    'sleep',
    'echo',
    'ls',
    'stat',
    'find',
    'mkdir',
    'rm',
    'mv',
    'ln',
    'touch',
    'id',
    'wc',
    'dd',
  ],
  ...['seq', 'usleep', 'mkfifo', 'chmod', 'chown', 'true', 'sort', 'md5sum', 'tar', 'readlink'],
];

/**
 * A read-only image store with one image of two layers, `test/files`: busybox below, files of every kind
 * above. `/data` and `/empty` are its volumes.
 */
export async function makeFilesStore(folder: string, busybox: string): Promise<string> {
  const base = await makeLayer(folder, [
    ...['bin', 'etc', 'proc', 'dev', 'sys', 'tmp', 'root', 'home'].map(path => entry('directory', path)),
    file('bin/busybox', '', { mode: 0o755, content: { kind: 'bytes', bytes: readFileSync(busybox) } }),
    ...APPLETS.map(name => entry('symlink', `bin/${name}`, { target: 'busybox' })),
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n'),
    file('etc/group', 'root:x:0:\napp:x:1000:\n'),
  ]);
  const top = await makeLayer(folder, [
    entry('directory', 'etc'),
    file('etc/config', 'from the image\n'),
    entry('directory', 'opt'),
    file('opt/old', 'old\n'),
    entry('directory', 'data', { uid: 1000, gid: 1000, mode: 0o1770 }),
    file('data/file', 'content\n', { uid: 1000, gid: 1000, mode: 0o640, mtime: 1_000_000 }),
    entry('directory', 'data/sub'),
    entry('hardlink', 'data/sub/hard', { target: 'data/file' }),
    entry('symlink', 'data/link', { target: '../etc/passwd' }),
    entry('symlink', 'data/absolute', { target: '/etc' }),
  ]);
  const layers = [base, top];
  const config = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh'], Volumes: { '/data': {}, '/empty': {} } },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: [{ created_by: 'base' }, { created_by: 'top' }],
  });
  mkdirSync(join(folder, 'images'), { recursive: true });
  const image = { id: digestOf(Buffer.from(config)), names: ['test/files'], repoDigests: [], config, layers };
  writeFileSync(join(folder, 'images/index.json'), JSON.stringify({ schema: 1, images: [image] }));
  return folder;
}

/** Lays a layer out as a build does: its files, and the record of its tar's headers beside them. */
async function makeLayer(
  folder: string,
  entries: readonly Entry[],
): Promise<{ readonly diffId: Digest; readonly sizeBytes: number }> {
  const pieces: Uint8Array[] = [];
  for await (const piece of writeTar(entries)) pieces.push(piece);
  const tar = Buffer.concat(pieces);
  const diffId = digestOf(tar);
  const home = join(folder, 'layers', hexOf(diffId));
  mkdirSync(home, { recursive: true });
  const tarFile = `${home}.tar`;
  writeFileSync(tarFile, tar);
  const { kept } = await readLayer(await openFileAccess(tarFile), { name: 'test', file: tarFile });
  const parts = readTarParts(await openFileAccess(tarFile), { name: 'test', file: tarFile, kept });
  writeFileSync(`${home}.headers`, Buffer.concat(await Array.fromAsync(formatTarHeaders(parts))));
  for (const each of entries) layOut(home, each);
  // What is made in a folder changes its time.
  for (const { kind, path, mtime } of [...entries].reverse()) {
    if (kind === 'directory') utimesSync(join(home, path), mtime, mtime);
  }
  return { diffId, sizeBytes: tar.length };
}

function layOut(home: string, each: Entry): void {
  const path = join(home, each.path);
  if (each.kind === 'hardlink') {
    linkSync(join(home, each.target), path);
    return;
  }
  if (each.kind === 'directory') mkdirSync(path);
  else if (each.kind === 'symlink') symlinkSync(each.target, path);
  else if (each.kind === 'file' && each.content.kind === 'bytes') writeFileSync(path, each.content.bytes);
  else throw new Error(`not laid out here: ${each.kind}`);
  lchownSync(path, each.uid, each.gid);
  if (each.kind === 'symlink') return;
  chmodSync(path, each.mode);
  utimesSync(path, each.mtime, each.mtime);
}
