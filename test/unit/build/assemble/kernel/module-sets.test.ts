import { readFileSync } from 'node:fs';
import t from 'tap';
import { parseModuleSets } from '../../../../../src/build/assemble/kernel/module-sets.ts';
import { PLATFORMS } from '../../../../../src/shared/manifest/index.ts';

const own = readFileSync(new URL('../../../../../kernel/modules.yml', import.meta.url), 'utf8');

t.test(
  "the sets that come with Slipway: the manifest's platforms, and what the early script needs",
  async t => {
    const sets = parseModuleSets(own, 'amd64');
    t.same([...sets.platforms.keys()].sort(), [...PLATFORMS].sort());
    for (const name of [
      'loop',
      'squashfs',
      'overlay',
      'dm-verity',
      'isofs',
      'vfat',
      'ext4',
      'sr_mod',
      'sd_mod',
    ]) {
      t.ok(sets.always.load.includes(name), name);
    }
    t.ok(sets.always.core.includes('button') && sets.always.core.includes('evdev'));
  },
);

t.test('an entry for one architecture', async t => {
  const text = 'always: { core: [a, b @amd64, c @arm64] }\nplatforms: {}\n';
  t.same(parseModuleSets(text, 'amd64').always.core, ['a', 'b']);
  t.same(parseModuleSets(text, 'arm64').always.core, ['a', 'c']);
});

for (const [what, text] of [
  ['no mapping', '- a'],
  ['an unknown key', 'always: { inird: [a] }\nplatforms: {}'],
  ['no list', 'always: { core: a }\nplatforms: {}'],
  ['an unknown architecture', 'always: { core: [a @sparc] }\nplatforms: {}'],
  ['a number', 'always: { core: [9] }\nplatforms: {}'],
] as const) {
  t.throws(() => parseModuleSets(text, 'amd64'), { code: 'MODULE_SETS_MALFORMED' }, `refused: ${what}`);
}
