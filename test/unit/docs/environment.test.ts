import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const root = join(import.meta.dirname, '../../..');
const table = readFileSync(join(root, 'docs/environment.md'), 'utf8');
const documented = new Set([...table.matchAll(/^\| (.*?) +\|/gm)].flatMap(([, cell = '']) => namesIn(cell)));

function namesIn(text: string): string[] {
  return [...text.matchAll(/`([A-Z][A-Z_]+)/g)].map(([, name = '']) => name);
}

/** Variables that the sources of the build host read. */
function variablesOfSources(): Set<string> {
  const found = new Set<string>();
  for (const name of readdirSync(join(root, 'src/build'), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const text = readFileSync(join(root, 'src/build', name), 'utf8');
    for (const [, variable = ''] of text.matchAll(/\b(?:env|environment)\.([A-Z][A-Z_]+)/g))
      found.add(variable);
    for (const [, variable = ''] of text.matchAll(/(?:env|environment)(?:, |\[)'([A-Z][A-Z_]+)'/g))
      found.add(variable);
  }
  return found;
}

t.test('every variable that is read is documented', async t => {
  const read = variablesOfSources();
  t.ok(read.has('SLIPWAY_STORE') && read.has('SLIPWAY_REGISTRY_REALM'), 'the sources were searched');
  t.strictSame(
    [...read].filter(name => !documented.has(name)),
    [],
  );
});

t.test('every variable of ours that is documented is read', async t => {
  const read = variablesOfSources();
  t.strictSame(
    [...documented].filter(name => /^(SLIPWAY|DOCKER|XDG)_/.test(name) && !read.has(name)),
    [],
  );
});
