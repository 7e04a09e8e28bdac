import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  checkManifestFiles,
  hostFileError,
  hostFileFaults,
  resolveHostFile,
} from '../../../src/build/manifest-files.ts';
import { parseManifest } from '../../../src/shared/manifest/parse-manifest.ts';
import { InputError } from '../../../src/shared/yaml/faults.ts';

const root = t.testdir({ secret: 'key', site: { 'a.txt': 'a', sub: { 'b.txt': 'b' } } });
const site = join(root, 'site');
symlinkSync('../secret', join(site, 'link'));
symlinkSync('..', join(site, 'up'));
symlinkSync('a.txt', join(site, 'inside'));
symlinkSync('loop', join(site, 'loop'));
mkdirSync(join(site, '..dots'));
writeFileSync(join(site, '..dots', 'c'), 'c');

async function faultsOf(source: string, more = '', allowHostFiles = false): Promise<string[]> {
  const text = `files:\n  - {path: x, source: ${JSON.stringify(source)}${more}}\n`;
  const { manifest } = parseManifest([{ name: 'site/m.yml', text }]);
  try {
    await checkManifestFiles(manifest, { workingDirectory: root, allowHostFiles });
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const areMissing = error.faults.every(fault => fault.message.endsWith('does not exist'));
    t.equal(error.code, areMissing ? 'FILE_MISSING' : 'HOST_FILE_REFUSED');
    t.equal(error.kind, areMissing ? 'not-found' : 'invalid-input');
    return error.faults.map(
      f => `${f.place?.file}:${f.place?.line}:${f.place?.column} ${f.message} / ${f.hint}`,
    );
  }
}

t.test('what lies in the folder is taken', async t => {
  for (const source of [
    'a.txt',
    './sub/b.txt',
    'sub',
    'inside',
    'sub/../a.txt',
    '..dots/c',
    join(site, 'a.txt'),
  ]) {
    t.same(await faultsOf(source), [], source);
  }
  t.same(await faultsOf('none', ', optional: true'), []);
});

t.test('what lies outside needs --allow-host-files', async t => {
  for (const source of [
    '../secret',
    join(root, 'secret'),
    '/etc/passwd',
    '../none',
    'sub/../../secret',
    '..',
  ]) {
    t.match(
      await faultsOf(source),
      [/^site\/m\.yml:2:23 source .* is outside the manifest's folder .*--allow-host-files/],
      source,
    );
    t.match(await faultsOf(source, ', optional: true'), [/outside/], 'also if it is optional');
  }
  for (const source of ['link', 'up/secret', 'up']) {
    t.match(await faultsOf(source), [/leads through a link to outside/], source);
  }
  t.same(await faultsOf('../secret', '', true), []);
  t.same(await faultsOf('link', '', true), []);
});

t.test('what cannot be copied', async t => {
  t.match(await faultsOf('none'), [/does not exist/]);
  t.match(await faultsOf('loop'), [/loop of links/]);
  t.match(await faultsOf('~user/x'), [/"~"/]);
  t.match(await faultsOf('~/x', '', true), [/HOME is not set/]);
  t.match(await faultsOf('/dev/null', '', true), [/no file or folder/]);
});

t.test('images from the build host are held to the same', async t => {
  const text =
    'services:\n  - {name: a, image: ../x}\n  - {name: b, image: "oci:/srv/l"}\n  - {name: c, image: alpine}\n';
  const { manifest } = parseManifest([{ name: 'site/m.yml', text }]);
  const check = checkManifestFiles(manifest, { workingDirectory: root, allowHostFiles: false });
  const error = await check.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  t.match(error instanceof InputError ? error.faults.map(fault => fault.message) : [], [
    /"\.\.\/x" is outside/,
    /"\/srv\/l" is outside/,
  ]);
});

t.test('what is missing is told together, with what can be done', async t => {
  const text =
    'files:\n  - {path: x, source: none}\nservices:\n  - {name: a, image: ./nofolder}\n  - {name: b, image: "oci:../x"}\n';
  const { manifest } = parseManifest([{ name: 'site/m.yml', text }]);
  const faults = await hostFileFaults(manifest, { workingDirectory: root, allowHostFiles: false });
  t.match(faults, [
    { message: 'source "none" does not exist', place: { line: 2, column: 23 }, hint: /optional: true/ },
    { message: 'image "./nofolder" does not exist', place: { line: 4, column: 22 }, hint: /recipe folder/ },
    { message: /image "..\/x" is outside/, place: { line: 5 }, isMissing: false },
  ]);
  t.notMatch(faults[1]?.hint, /optional/);
  t.match(hostFileError(faults), { code: 'HOST_FILE_REFUSED', kind: 'invalid-input' });
  t.match(hostFileError(faults.slice(0, 2)), { code: 'FILE_MISSING', kind: 'not-found' });
});

t.test('a path is handed out with its links resolved', async t => {
  t.equal(await resolveHostFile('inside', site, false), join(site, 'a.txt'));
  await t.rejects(resolveHostFile('link', site, false), { code: 'HOST_FILE_REFUSED' });
});
