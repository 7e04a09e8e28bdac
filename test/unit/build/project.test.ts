import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { imageLocation } from '../../../src/build/collect-images.ts';
import { collectFiles } from '../../../src/build/machine-description.ts';
import { type Project, loadProject, lockName } from '../../../src/build/project.ts';
import { manifestImages } from '../../../src/shared/manifest/index.ts';
import { InputError } from '../../../src/shared/yaml/faults.ts';
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
    lockPath: join(folder, 'sub/b+slipway.lock'),
    folder: join(folder, 'sub'),
  });
});

t.test('manifests that are joined have a lock of their own', async t => {
  t.equal(lockName(['/x/a.yml']), 'a.lock');
  t.equal(lockName(['/x/a.yml', '/y/b.yaml']), 'a+b.lock');
  t.equal(lockName(['/y/b.yaml', '/x/a.yml']), 'b+a.lock', 'the order counts');
  const many = Array.from({ length: 90 }, (_, i) => `/x/site-${i}.yml`);
  t.match(lockName(many), /^site-0\+[0-9a-f]{16}\.lock$/, 'a name that a file system takes');
  t.not(lockName(many), lockName([...many].reverse()));
});

t.test('the digest of sources follows what they bring', async t => {
  const manifest = `files:
  - {path: etc/a, source: a}
  - {path: etc/text, contents: x}
  - {path: /srv/, source: folder}
  - {path: etc/b, source: b, optional: true}
`;
  const folder = t.testdir({ 'slipway.yml': manifest, a: 'one', folder: { c: 'c' } });
  const first = (await load(folder, [])).sources;
  t.strictSame(Object.keys(first).sort(), ['etc/a', 'etc/b', 'srv'], 'contents are of the manifest');
  chmodSync(join(folder, 'a'), 0o600);
  t.strictSame((await load(folder, [])).sources, first, "the host's permissions do not count");
  writeFileSync(join(folder, 'a'), 'two');
  writeFileSync(join(folder, 'b'), 'now it is there');
  writeFileSync(join(folder, 'folder/d'), 'another');
  const second = (await load(folder, [])).sources;
  for (const path of ['etc/a', 'etc/b', 'srv']) t.not(second[path], first[path], path);
});

t.test('the lock is no part of a folder that it stands in', async t => {
  const folder = t.testdir({
    'slipway.yml': 'files:\n  - {path: src, source: .}\nservices:\n  - {name: a, image: .}\n',
    'image.yml': 'description: x\nfiles:\n  - {path: src, source: .}\n',
  });
  const first = await load(folder, []);
  writeFileSync(join(folder, 'slipway.lock'), '{}');
  const second = await load(folder, []);
  t.strictSame(second.sources, first.sources);
  t.equal(second.recipes.get('local/here:latest')?.digest, first.recipes.get('local/here:latest')?.digest);
  const { entries } = await collectFiles(second, 0);
  t.notOk(entries.some(entry => entry.path.endsWith('.lock')));
  writeFileSync(join(folder, 'other.lock'), '{}');
  t.not((await load(folder, [])).sources.src, first.sources.src, 'another file of that kind is');
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

t.test('faults of the manifest, missing files and missing images are told together', async t => {
  const folder = t.testdir({
    'slipway.yml': `services:
  - {name: a, image: system-images/ntpd}
  - {name: b, image: ./nofolder}
files:
  - {path: x, source: none, mode: 0644}
  - {path: y, source: nowhere, mdoe: "0644"}
  - {path: z, source: there-is-none}
`,
  });
  const error: unknown = await load(folder, []).catch((reason: unknown) => reason);
  t.match(error, { code: 'MANIFEST_INVALID' });
  t.strictSame(
    error instanceof InputError && error.faults.map(({ place, message }) => `${place?.line} ${message}`),
    [
      '2 image "system-images/ntpd": there is no built-in image of that name',
      '3 image "./nofolder" does not exist',
      '5 the number 0644 begins with 0: octal or decimal?',
      '6 unknown key "mdoe"',
      '7 source "there-is-none" does not exist',
    ],
  );
});

t.test('the faults of all recipes are told together', async t => {
  const folder = t.testdir({
    'slipway.yml':
      'services:\n  - {name: a, image: ./a}\n  - {name: b, image: ./b}\n  - {name: c, image: ./c}\n',
    a: {},
    b: { 'image.yml': 'descripton: x\n' },
    c: recipe(),
  });
  const error: unknown = await load(folder, []).catch((reason: unknown) => reason);
  t.match(error, { code: 'RECIPE_NOT_FOUND', kind: 'not-found' });
  t.match(error instanceof InputError && error.faults, [
    { message: /reading the recipe \.\/a/, place: { line: 2, column: 22 } },
    { message: /"description" is missing/, place: { line: 1 } },
    { message: /unknown key "descripton"/ },
  ]);
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

t.test('what services make of their recipes is told before anything is fetched', async t => {
  const message = /slipway\.yml:2:.*"nosuch" is the name of no service/;
  for (const [keys, config] of [
    [', uid: nosuch', ''],
    ['', ', uid: nosuch'],
  ] as const) {
    const folder = t.testdir({
      'slipway.yml': `services:\n  - {name: a, image: ./web${keys}}\n`,
      web: {
        'image.yml': `description: d\npackages: [busybox]\nconfig: {command: [/bin/sh]${config}}\n`,
      },
    });
    await t.rejects(load(folder, []), { code: 'MANIFEST_INVALID', message }, keys || 'from the recipe');
  }
});

t.test('text that is not UTF-8', async t => {
  const latin = Buffer.from('description: B\xfcro\npackages: [busybox]\n', 'latin1');
  const folder = t.testdir({
    'slipway.yml': Buffer.from('name: one\nhostname: b\xfcro\n', 'latin1'),
    'recipe.yml': 'services:\n  - {name: a, image: ./web}\n',
    web: { 'image.yml': latin },
  });
  await t.rejects(load(folder, []), { code: 'TEXT_NOT_UTF8', message: /slipway\.yml:2:12/ });
  await t.rejects(load(folder, ['recipe.yml']), { code: 'TEXT_NOT_UTF8', message: /image\.yml:1:/ });
});

t.test("LinuxKit's entry for the user's own key", async t => {
  const folder = t.testdir({
    site: { 'slipway.yml': 'files:\n  - {path: a, source: ~/.ssh/id_rsa.pub, optional: true}\n' },
    home: { '.ssh': { 'id_rsa.pub': 'ssh-rsa A' } },
  });
  const options = {
    manifests: [],
    workingDirectory: join(folder, 'site'),
    packageRoot,
    environment: { HOME: join(folder, 'home') },
    emit: ignoreEvents,
  };
  await t.rejects(loadProject({ ...options, allowHostFiles: false }), {
    code: 'HOST_FILE_REFUSED',
    message: /slipway\.yml:2:.*outside the manifest's folder/,
  });
  const project = await loadProject({ ...options, allowHostFiles: true });
  const { entries } = await collectFiles(project, 0);
  t.match(entries, [{ kind: 'file', content: { bytes: Buffer.from('ssh-rsa A') } }]);
  t.equal(
    project.manifestDigest,
    (await loadProject({ ...options, allowHostFiles: true, environment: {} }).catch(() => project))
      .manifestDigest,
    'the lock does not depend on whose home it is',
  );
  await t.rejects(loadProject({ ...options, allowHostFiles: true, environment: {} }), {
    message: /HOME is not set/,
  });
});
