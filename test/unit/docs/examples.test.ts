import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { starterManifest } from '../../../src/build/cli/starter-manifest.ts';
import { loadProject } from '../../../src/build/project.ts';
import { ignoreEvents } from '../../../src/shared/events.ts';

const root = join(import.meta.dirname, '../../..');
const documents = ['README.md', ...readdirSync(join(root, 'docs')).map(name => `docs/${name}`)].filter(name =>
  name.endsWith('.md'),
);
/** Whole manifests that are printed; a part of one begins with another key. */
const printed = documents.flatMap(name =>
  [...readFileSync(join(root, name), 'utf8').matchAll(/^```ya?ml\n([^]*?)^```$/gm)]
    .map(([, text = '']) => ({ name, text }))
    .filter(({ text }) => text.startsWith('name:')),
);

async function check(folder: string) {
  const { manifest } = await loadProject({
    manifests: [],
    workingDirectory: folder,
    packageRoot: root,
    allowHostFiles: false,
    emit: ignoreEvents,
  });
  return manifest;
}

t.test('every manifest that the documentation prints is sound', async t => {
  t.ok(printed.length >= 2);
  for (const { name, text } of printed) await t.resolves(check(t.testdir({ 'slipway.yml': text })), name);
});

t.test('so is the starter manifest', async t => {
  const starter = starterManifest('my-os');
  await t.resolves(check(t.testdir({ 'slipway.yml': starter })));
});

t.test('nginx is given what it needs to listen on port 80 and to change its user', async t => {
  const needed = ['CAP_NET_BIND_SERVICE', 'CAP_CHOWN', 'CAP_SETUID', 'CAP_SETGID'];
  let found = 0;
  for (const { name, text } of printed) {
    const { services } = await check(t.testdir({ 'slipway.yml': text }));
    for (const { image, config } of services.filter(service => service.image.text.includes('nginx'))) {
      found++;
      t.strictSame(config.capabilities, needed, `${name}: ${image.text}`);
    }
  }
  t.ok(found > 0);
});
