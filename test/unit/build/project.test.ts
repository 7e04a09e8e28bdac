import { join } from 'node:path';
import t from 'tap';
import { imageLocation } from '../../../src/build/collect-images.ts';
import { collectFiles } from '../../../src/build/machine-description.ts';
import { type Project, loadProject } from '../../../src/build/project.ts';
import { manifestImages } from '../../../src/shared/manifest/index.ts';
import { ignoreEvents } from '../../../src/shared/events.ts';

const packageRoot = join(import.meta.dirname, '../../..');
/** A new one each time: a fixture may not hold an object twice. */
const recipe = () => ({
  'image.yml': 'description: a shell\npackages: [busybox]\nconfig: {command: [/bin/sh]}\n',
});

function load(folder: string, manifests: readonly string[], allowHostFiles = false): Promise<Project> {
  return loadProject({
    manifests,
    workingDirectory: folder,
    packageRoot,
    allowHostFiles,
    emit: ignoreEvents,
  });
}

t.test('slipway.yml is the manifest if none is named, and the lock stands beside the first', async t => {
  const folder = t.testdir({ 'slipway.yml': 'name: one\n', sub: { 'b.yaml': 'name: two\n' } });
  t.match(await load(folder, []), { lockPath: join(folder, 'slipway.lock'), manifest: { name: 'one' } });
  t.match(await load(folder, ['sub/b.yaml', 'slipway.yml']), {
    lockPath: join(folder, 'sub/b.lock'),
    folder: join(folder, 'sub'),
  });
});

t.test('a manifest that can not be read', async t => {
  const folder = t.testdir({ file: '', 'big.yml': `# ${'x'.repeat(5 * 1024 * 1024)}` });
  for (const [name, what] of [
    ['none.yml', 'there is no such file'],
    ['.', 'it is a folder'],
    ['file/x.yml', 'there is no such file'],
  ] as const)
    await t.rejects(load(folder, [name]), { code: 'MANIFEST_NOT_FOUND', message: new RegExp(`${what}$`) });
  await t.rejects(load(folder, []), { code: 'MANIFEST_NOT_FOUND', message: /slipway\.yml: / });
  await t.rejects(load(folder, ['big.yml']), { code: 'MANIFEST_TOO_LARGE' });
  await t.rejects(load(folder, ['/dev/zero']), { code: 'MANIFEST_TOO_LARGE' }, 'it has no end');
});

t.test('recipes of its own and of slipway', async t => {
  const folder = t.testdir({
    'slipway.yml': 'services:\n  - {name: a, image: ./web}\n  - {name: b, image: system-images/ntp}\n',
    web: recipe(),
  });
  const { recipes } = await load(folder, []);
  t.strictSame([...recipes.keys()].sort(), ['local/web:latest', 'system-images/ntp']);
  t.equal(recipes.get('local/web:latest')?.folder, join(folder, 'web'));
});

t.test('images from elsewhere on the host are refused', async t => {
  const folder = t.testdir({ outside: recipe(), site: { 'm.yml': '', 'in.yml': '', web: recipe() } });
  for (const image of [
    '../outside',
    join(folder, 'outside'),
    'oci:../outside',
    'docker-archive:/etc/passwd',
  ]) {
    const site = t.testdir({
      outside: recipe(),
      site: { 'm.yml': `services:\n  - {name: a, image: ${JSON.stringify(image)}}\n` },
    });
    await t.rejects(
      load(join(site, 'site'), ['m.yml']),
      { code: 'HOST_FILE_REFUSED', message: /m\.yml:2:/ },
      image,
    );
  }
  const site = t.testdir({
    outside: recipe(),
    site: { 'm.yml': 'services:\n  - {name: a, image: ../outside}\n' },
  });
  t.equal((await load(join(site, 'site'), ['m.yml'], true)).recipes.size, 1, '--allow-host-files');
});

t.test('paths are relative to the manifest that names them', async t => {
  const folder = t.testdir({
    'a.yml': 'files:\n  - {path: a, source: text}\n',
    text: 'of a',
    sub: {
      'b.yml': 'files:\n  - {path: b, source: text}\nservices:\n  - {name: x, image: "oci:layout"}\n',
      text: 'of b',
      layout: {},
    },
  });
  const project = await load(folder, ['a.yml', 'sub/b.yml']);
  const { entries } = await collectFiles(project, 0);
  t.strictSame(
    entries.map(entry =>
      entry.kind === 'file' && entry.content.kind === 'bytes'
        ? Buffer.from(entry.content.bytes).toString()
        : '',
    ),
    ['of a', 'of b'],
  );
  const [image] = manifestImages(project.manifest);
  t.match(image && imageLocation(project, image), { kind: 'oci-layout', path: join(folder, 'sub/layout') });
});

t.test('two folders do not become one image', async t => {
  const service = (name: string): string => `services:\n  - {name: ${name}, image: ./web}\n`;
  const folder = t.testdir({
    one: { 'm.yml': service('a'), web: recipe() },
    two: { 'm.yml': service('b'), web: recipe() },
  });
  await t.rejects(load(folder, ['one/m.yml', 'two/m.yml']), {
    code: 'MANIFEST_INVALID',
    message: /two\/m\.yml:2:.*would both be called/,
  });
  const init = t.testdir({ 'm.yml': `init: [./Web]\n${service('a')}`, web: recipe(), Web: recipe() });
  await t.rejects(load(init, ['m.yml']), { message: /would both be called/ }, 'images of init count too');
});
