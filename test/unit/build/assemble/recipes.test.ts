import { readFileSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { assembleSystemImage } from '../../../../src/build/assemble/system-image.ts';
import { parseRecipe } from '../../../../src/shared/manifest/index.ts';
import { digestTree, textOf } from './fixtures.ts';

const root = fileURLToPath(new URL('../../../../system-images', import.meta.url));
const names = readdirSync(root).filter(name => statSync(`${root}/${name}`).isDirectory());

const assemble = (name: string) =>
  assembleSystemImage({
    recipe: parseRecipe(name, readFileSync(`${root}/${name}/image.yml`, 'utf8')),
    recipeFolder: `${root}/${name}`,
    packages: [],
    arch: 'amd64',
    epoch: 1,
  });

t.ok(names.includes('console'));

for (const name of names) {
  t.test(`the recipe ${name}`, async t => {
    const recipe = parseRecipe(name, readFileSync(`${root}/${name}/image.yml`, 'utf8'));
    const { tree } = await assemble(name);
    t.equal(
      await digestTree((await assemble(name)).tree),
      await digestTree(tree),
      'gives the same bytes twice',
    );
    for (const entry of tree.below('usr/sbin')) {
      t.match(textOf(tree, entry.path), /^#!\/bin\/(ba)?sh\n/, `${entry.path} is a script`);
      t.equal(entry.mode, 0o755, `${entry.path} can be executed`);
    }
    const [program = ''] = recipe.config.command ?? [];
    t.ok(program.startsWith('/usr/'), 'its command is a path');
    if (recipe.config.readonly !== false) {
      for (const tmpfs of recipe.config.tmpfs ?? [])
        t.ok(tree.has(tmpfs.split(':')[0] ?? ''), `${tmpfs} has a place`);
    }
    t.ok(readFileSync(`${root}/${name}/README.md`, 'utf8').startsWith(`# ${name}\n`), 'has a README');
  });
}

t.test('who may come in: keys only, root locked, one user with sudo', async t => {
  const { tree } = await assemble('console');
  t.match(textOf(tree, 'etc/ssh/sshd_config'), /^PasswordAuthentication no$/m);
  t.match(textOf(tree, 'etc/ssh/sshd_config'), /^PermitRootLogin no$/m);
  t.match(textOf(tree, 'etc/shadow'), /^root:\*:/m);
  t.match(textOf(tree, 'etc/shadow'), /^rancher:\*:/m);
  t.match(tree.get('etc/sudoers'), { mode: 0o440 });
});
