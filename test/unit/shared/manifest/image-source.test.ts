import t from 'tap';
import { readdirSync } from 'node:fs';
import { BUILTIN_IMAGES, parseImageSource } from '../../../../src/shared/manifest/image-source.ts';

const HEX = 'a'.repeat(64);

for (const [text, kind, name] of [
  ['udev', 'builtin-recipe', 'system-images/udev'],
  ['system-images/ntp', 'builtin-recipe', 'system-images/ntp'],
  ['./my image', 'recipe-folder', 'local/my-image:latest'],
  ['../x', 'recipe-folder', 'local/up/x:latest'],
  ['/srv/x/', 'recipe-folder', 'local/srv/x:latest'],
  ['.', 'recipe-folder', 'local/here:latest'],
  ['images/app/image.yml', 'recipe-folder', 'local/images/app:latest'],
  ['oci:./layout', 'oci-layout', 'local/layout:latest'],
  ['oci:layout:1.2', 'oci-layout', 'local/layout:1.2'],
  ['docker-archive:app.tar', 'docker-archive', 'local/app:latest'],
  ['docker-archive:app', 'docker-archive', 'local/app:latest'],
  ['./app.tar', 'docker-archive', 'local/app:latest'],
  ['alpine', 'registry', 'docker.io/library/alpine:latest'],
  ['udev:1', 'registry', 'docker.io/library/udev:1'],
  ['localhost:5000/a/b:c', 'registry', 'localhost:5000/a/b:c'],
  [`a/b@sha256:${HEX}`, 'registry', `docker.io/a/b@sha256:${HEX}`],
] as const) {
  t.test(text, async t => {
    t.match(parseImageSource(text), { kind, name });
  });
}

for (const text of [
  '',
  'a/B',
  'oci:',
  'docker-archive:',
  '~/x',
  '@pkg:x',
  'system-images/',
  'system-images/nope',
  'https://x/y',
]) {
  t.test(`refuses "${text}"`, async t => {
    t.throws(() => parseImageSource(text), { message: /image/ });
  });
}

t.test('the built-in names are the folders of system-images', async t => {
  const folder = new URL('../../../../system-images/', import.meta.url);
  const folders = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory());
  t.same(folders.map(entry => entry.name).sort(), [...BUILTIN_IMAGES].sort());
});
