import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { suggest } from '../../../../src/shared/schema/suggest.ts';

const ROOT = new URL('../../../../', import.meta.url);

t.test('types, validators and reference are made from the schemas as they are', async t => {
  t.doesNotThrow(() =>
    execFileSync(process.execPath, ['scripts/generate.ts', '--check'], { cwd: ROOT, timeout: 60_000 }),
  );
});

t.test('every key says what it is for, or that it does not work yet', async t => {
  interface Node {
    description?: string;
    notSupportedYet?: string;
    $ref?: string;
    properties?: Record<string, Node>;
    [key: string]: unknown;
  }
  const silent: string[] = [];
  const visit = (node: Node, path: string): void => {
    for (const [key, value] of Object.entries(node.properties ?? {})) {
      const referred = path.endsWith('/service') ? 'described there' : undefined;
      const isDefinition = /^#\/definitions\/(image|kernel|engine|trust)$/.test(value.$ref ?? '');
      if (!value.description && !value.notSupportedYet && !referred && !isDefinition)
        silent.push(`${path}.${key}`);
    }
    for (const [key, value] of Object.entries(node)) {
      if (typeof value === 'object' && value !== null && key !== 'examples')
        visit(value as Node, `${path}/${key}`);
    }
  };
  for (const name of ['manifest', 'system-image']) {
    visit(
      JSON.parse(readFileSync(new URL(`src/shared/schema/${name}.schema.json`, ROOT), 'utf8')) as Node,
      name,
    );
  }
  t.same(silent, []);
});

t.test('suggestions', async t => {
  const keys = ['services', 'onboot', 'readonly', 'noNewPrivileges', 'restart', 'after'];
  for (const [word, meant] of [
    ['sevices', 'services'],
    ['service', 'services'],
    ['on_boot', 'onboot'],
    ['read-only', 'readonly'],
    ['no_new_privileges', 'noNewPrivileges'],
    ['restart_policy', 'restart'],
    ['aftre', 'after'],
    ['zzz', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ] as const) {
    t.equal(suggest(word, keys), meant, word.slice(0, 20));
  }
});
