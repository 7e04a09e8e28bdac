import t from 'tap';
import { matchesGlob } from '../../../../../src/machine/engine/api/glob.ts';
import { imageFilter, listImages, sharedBytes } from '../../../../../src/machine/engine/api/image-list.ts';
import type { EngineContext } from '../../../../../src/machine/engine/context.ts';
import type { Image } from '../../../../../src/machine/engine/images/image-catalog.ts';
import { digestOf } from '../../../../../src/shared/digest.ts';

const layer = (name: string) => ({ diffId: digestOf(name), sizeBytes: name.length });
const image = (name: string, createdAtMs: number, change: Partial<Image> = {}): Image =>
  ({
    id: digestOf(name),
    names: [`docker.io/library/${name}:1`],
    repoDigests: [],
    layers: [layer('base'), layer(name)],
    run: { Labels: { name } },
    platform: { os: 'linux', architecture: 'amd64' },
    createdAtMs,
    sizeBytes: 10,
    isReadOnly: false,
    ...change,
  }) as Image;
const all = [
  image('alpha', 1000),
  image('beta', 3000),
  image('gamma', 2000, { names: [] }),
  image('delta', 2500, { names: [], repoDigests: [`docker.io/library/delta@${digestOf('m')}`] }),
];
const context = {
  images: { all: () => all, resolve: (name: string) => all.find(({ names }) => names[0]?.includes(name)) },
  clock: () => 10_000,
} as unknown as EngineContext;
const list = (filters: Readonly<Record<string, readonly string[]>> = {}, version = '1.45') =>
  listImages(context, { filters: new Map(Object.entries(filters)), sharedSize: false, version });
const names = (filters: Readonly<Record<string, readonly string[]>>): string[] =>
  list(filters).map(({ Id }) => all.find(({ id }) => id === Id)?.run.Labels?.name ?? '');

t.test('images, the newest first, filtered', async t => {
  t.same(names({}), ['beta', 'delta', 'gamma', 'alpha']);
  t.same(names({ dangling: ['true'] }), ['delta', 'gamma']);
  t.same(names({ dangling: ['false'] }), ['beta', 'delta', 'alpha']);
  t.same(names({ label: ['name=beta'] }), ['beta']);
  t.same(names({ label: ['other'] }), []);
  t.same(names({ before: ['beta'] }), ['delta', 'gamma', 'alpha']);
  t.same(names({ since: ['alpha'] }), ['beta', 'delta', 'gamma']);
  t.same(names({ until: ['8s'] }), ['alpha']);
  t.same(names({ reference: ['*a:1'] }), ['beta', 'alpha']);
  t.same(names({ reference: ['delta', 'alph?'] }), ['delta', 'alpha']);
  t.throws(() => names({ dangling: ['perhaps'] }), { code: 'ENGINE_INVALID_PARAMETER' });
  t.throws(() => imageFilter(context, new Map([['until', ['soon']]])), { code: 'ENGINE_INVALID_PARAMETER' });
});

t.test('older versions have other fields', async t => {
  const [newest] = list();
  t.notOk('VirtualSize' in (newest ?? {}));
  const old = list({}, '1.42');
  t.equal(old[0]?.VirtualSize, 10);
  t.same(old[2]?.RepoTags, ['<none>:<none>']);
  t.same(list()[2]?.RepoTags, []);
});

t.test('layers that others have as well', async t => {
  const [alpha] = all;
  if (alpha !== undefined) t.equal(sharedBytes(alpha, all), 4);
});

t.test("Go's patterns", async t => {
  for (const [pattern, text, expected] of [
    ['*', 'abc', true],
    ['*', 'a/b', false],
    ['*/*', 'a/b', true],
    ['a?c', 'abc', true],
    ['a?c', 'a/c', false],
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['[]x', 'x', false],
    ['[a', 'a', false],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['', '', true],
    ['.*', 'abc', false],
    ['a**b', 'axxb', true],
  ] as const) {
    t.equal(matchesGlob(pattern, text), expected, `${pattern} and ${text}`);
  }
  t.equal(matchesGlob('*a'.repeat(200), 'a'.repeat(5000) + 'b'), false, 'takes no time that matters');
});
