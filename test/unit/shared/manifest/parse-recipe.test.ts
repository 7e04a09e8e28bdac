import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { BUILTIN_IMAGES } from '../../../../src/shared/manifest/image-source.ts';
import { parseRecipe, parseServiceLabel } from '../../../../src/shared/manifest/parse-recipe.ts';
import { InputError } from '../../../../src/shared/yaml/faults.ts';

t.test('defaults are filled in', async t => {
  const recipe = parseRecipe(
    'x',
    'description: d\nusers: [{name: u, uid: 7}]\nlinks: {/a/b: c}\nremove: [/usr/share/doc/**]\n',
  );
  t.match(recipe, {
    name: 'x',
    packages: [],
    architectures: ['amd64', 'arm64'],
    users: [{ name: 'u', uid: 7, gid: 7, home: '/nonexistent', shell: '/usr/sbin/nologin' }],
    links: { 'a/b': 'c' },
    remove: ['usr/share/doc/**'],
    config: {},
  });
});

for (const [desc, text, at, message] of [
  ['no description', 'packages: [a]\n', '1:1', '"description" is missing'],
  ['package wish', 'description: d\npackages: ["chrony >= 4"]\n', '2:12', /expected a Debian package/],
  ['name in config', 'description: d\nconfig: {name: x}\n', '2:10', 'unknown key "name"'],
  ['volume', 'description: d\nconfig:\n  binds: ["v:/x"]\n', '3:11', /would be a volume/],
  ['link out of the root', 'description: d\nlinks: {../a: b}\n', '2:15', /holds "\.\."/],
  [
    'two users of one number',
    'description: d\nusers:\n  - {name: a, uid: 1}\n  - {name: b, uid: 1}\n',
    '4:20',
    'uid 1 is given twice',
  ],
  ['passwd injection', 'description: d\nusers: [{name: a, uid: 1, gecos: "x:0:0"}]\n', '2:34', /without ":"/],
  ['metadata', 'description: d\nfiles: [{path: a, metadata: yaml}]\n', '2:29', /a recipe has none/],
  ['a list', '- a\n', '1:1', /expected a mapping/],
] as const) {
  t.test(`refuses: ${desc}`, async t => {
    try {
      parseRecipe('x', text);
      t.fail('it was accepted');
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      t.equal(error.code, 'RECIPE_INVALID');
      const [fault] = error.faults;
      t.equal(
        `${fault?.place?.file}:${fault?.place?.line}:${fault?.place?.column}`,
        `system-images/x/image.yml:${at}`,
      );
      t.match(fault?.message, message);
    }
  });
}

t.test('labels of images hold the keys of a service, as JSON or YAML', async t => {
  t.same(parseServiceLabel('label', '{"binds": ["/dev:/dev"], "capabilities": ["all"]}'), {
    binds: ['/dev:/dev'],
    capabilities: ['all'],
  });
  t.same(parseServiceLabel('label', 'pid: host\n'), { pid: 'host' });
  t.same(parseServiceLabel('label', ''), {});
  for (const text of ['{"name": "x"}', '{"runtime": {}}', '[', '{"capabilities": ["CAP_X"]}', '[]']) {
    t.throws(() => parseServiceLabel('label', text), { code: 'IMAGE_LABEL_INVALID', hint: /manifest/ }, text);
  }
});

t.test("Slipway's own recipes are sound", async t => {
  for (const name of BUILTIN_IMAGES) {
    const url = new URL(`../../../../system-images/${name}/image.yml`, import.meta.url);
    t.ok(existsSync(url), `${name} exists`);
    if (existsSync(url)) t.doesNotThrow(() => parseRecipe(name, readFileSync(url, 'utf8')), name);
  }
});
