import { lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openToolbox } from '../../../../src/build/tools/toolbox.ts';
import { writeTools } from '../../../../src/build/tools/unpack-tools.ts';
import { type Entry, bytesContent } from '../../../../src/shared/archive/entry.ts';

const attributes = { mode: 0o755, uid: 0, gid: 0, mtime: 0 };
const file = (path: string, text = path, mode = 0o755): Entry => ({
  ...attributes,
  kind: 'file',
  path,
  mode,
  content: bytesContent(text),
});
const link = (path: string, target: string): Entry => ({ ...attributes, kind: 'symlink', path, target });

async function write(t: Test, entries: readonly Entry[]): Promise<string> {
  const folder = join(t.testdir(), 'tools');
  await writeTools(entries, folder);
  return folder;
}

t.test('files are written with plain modes, whatever the umask and the package say', async t => {
  const old = process.umask(0o077);
  t.teardown(() => process.umask(old));
  const folder = await write(t, [file('usr/bin/su', 'x', 0o4755), file('usr/share/data', 'y', 0o600)]);
  t.equal(statSync(join(folder, 'usr/bin/su')).mode & 0o7777, 0o755);
  t.equal(statSync(join(folder, 'usr/share/data')).mode & 0o7777, 0o644);
});

t.test('links never lead out of the folder', async t => {
  const folder = await write(t, [
    file('usr/share/real'),
    link('usr/bin/absolute', '/usr/share/real'),
    link('usr/bin/climbing', '../../../../../../../usr/share/real'),
    link('usr/bin/away', '/etc/passwd'),
  ]);
  t.equal(readlinkSync(join(folder, 'usr/bin/absolute')), '../share/real');
  t.equal(readlinkSync(join(folder, 'usr/bin/climbing')), '../share/real');
  t.equal(readlinkSync(join(folder, 'usr/bin/away')), '../../etc/passwd');
  t.throws(() => statSync(join(folder, 'usr/bin/away')), { code: 'ENOENT' });
});

t.test('old places and hard links end below usr', async t => {
  const folder = await write(t, [
    file('sbin/tool', 'program'),
    { ...attributes, kind: 'hardlink', path: 'sbin/other', target: 'sbin/tool' },
  ]);
  t.equal(readFileSync(join(folder, 'usr/sbin/other'), 'utf8'), 'program');
});

t.test('documentation and configuration are left out, except what mke2fs needs', async t => {
  const folder = await write(t, [
    file('usr/share/doc/x/copyright'),
    file('etc/mtools.conf'),
    file('etc/mke2fs.conf'),
    file('usr/share/documents'),
  ]);
  t.throws(() => lstatSync(join(folder, 'usr/share/doc')), { code: 'ENOENT' });
  t.throws(() => lstatSync(join(folder, 'etc/mtools.conf')), { code: 'ENOENT' });
  t.ok(lstatSync(join(folder, 'etc/mke2fs.conf')));
  t.ok(lstatSync(join(folder, 'usr/share/documents')));
});

t.test('a device is refused', async t => {
  const device: Entry = { ...attributes, kind: 'block-device', path: 'usr/sda', major: 8, minor: 0 };
  await t.rejects(write(t, [device]), { code: 'TOOL_PACKAGE_UNSAFE', message: /usr\/sda is a block-device/ });
});

t.test('the loader is sealed, other programs are not', async t => {
  const paths = 'ELF\0/etc/ld.so.preload\0';
  const folder = await write(t, [
    file('usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2', paths),
    file('usr/bin/xorriso', paths),
  ]);
  t.equal(
    readFileSync(join(folder, 'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2'), 'utf8'),
    'ELF\0/0tc/ld.so.preload\0',
  );
  t.equal(readFileSync(join(folder, 'usr/bin/xorriso'), 'utf8'), paths);
});

t.test('a toolbox says which program or loader is missing', async t => {
  const folder = await write(t, [file('usr/bin/x')]);
  t.throws(() => openToolbox({ root: folder, epoch: 0, arch: 'amd64' }), {
    code: 'TOOL_MISSING',
    message: /ld-linux-x86-64/,
  });
  const whole = join(t.testdir({}), 'tools');
  await writeTools([file('usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2')], whole);
  const toolbox = openToolbox({ root: whole, epoch: 0, arch: 'amd64' });
  await t.rejects(toolbox.run('xorriso', []), { code: 'TOOL_MISSING', message: /xorriso/ });
});
