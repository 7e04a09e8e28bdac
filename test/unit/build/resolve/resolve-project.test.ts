import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Lock, LockedArch, LockedImage, LockedPackage } from '../../../../src/build/lock/lock.ts';
import { type Project, loadProject } from '../../../../src/build/project.ts';
import type { DebianIndex } from '../../../../src/build/resolve/debian/debian-index.ts';
import {
  type ResolveOptions,
  lockStaleness,
  resolveProject,
  resolveTools,
} from '../../../../src/build/resolve/resolve-project.ts';
import { ignoreEvents } from '../../../../src/shared/events.ts';
import { ToolError } from '../../../../src/shared/errors.ts';
import { digestOf } from '../../../../src/shared/digest.ts';

const packageRoot = join(import.meta.dirname, '../../../..');
const IMAGE = 'registry.example/web:1';
const MANIFEST = `services:\n  - {name: web, image: ${IMAGE}}\n  - {name: ntp, image: system-images/ntp}\n`;

const load = (folder: string): Promise<Project> =>
  loadProject({
    manifests: [],
    workingDirectory: folder,
    packageRoot,
    allowHostFiles: false,
    emit: ignoreEvents,
  });
const project = await load(t.testdir({ 'slipway.yml': MANIFEST }));

/** Indexes in which every package is there in `newest` and, for keeping, in older versions. */
class FakeDebian implements DebianIndex {
  readonly newest: string;
  readonly gone: ReadonlySet<string>;
  readonly suites;

  constructor(newest: string, gone: readonly string[] = []) {
    this.newest = newest;
    this.gone = new Set(gone);
    this.suites = [
      {
        archive: 'debian',
        suite: 'trixie',
        date: `2026-01-0${newest}T00:00:00Z`,
        inReleaseSha256: 'a'.repeat(64),
      },
    ] as const;
  }

  resolve: DebianIndex['resolve'] = async (arch, { want, keep }) =>
    want.map((wish): LockedPackage => {
      const name = wish.split(/[ =]/)[0] ?? '';
      const kept = keep?.get(name);
      const version = kept !== undefined && !this.gone.has(`${name}=${kept}`) ? kept : this.newest;
      const sha256 = digestOf(`${name}=${version}`).slice(7);
      return { name, version, arch, archive: 'debian', path: `pool/${name}.deb`, sizeBytes: 1, sha256 };
    });

  has: DebianIndex['has'] = async () => true;
}

interface Asked {
  debian: number;
  readonly images: string[];
}

function optionsOf(
  newest: string,
  previous?: Lock,
  more: Partial<ResolveOptions> & { gone?: string[] } = {},
) {
  const asked: Asked = { debian: 0, images: [] };
  const options: ResolveOptions = {
    slipwayVersion: '0.1.0',
    arch: 'amd64',
    hostArch: 'amd64',
    previous,
    update: undefined,
    emit: ignoreEvents,
    openDebian: async () => {
      asked.debian++;
      return new FakeDebian(newest, more.gone);
    },
    resolveImage: async ({ text }, arch): Promise<LockedImage> => {
      asked.images.push(`${text} ${arch}`);
      const digest = digestOf(`${text} ${arch} ${newest}`);
      return {
        reference: text,
        manifest: { digest, mediaType: 'application/vnd.oci.image.manifest.v1+json', sizeBytes: 1 },
        config: { digest, sizeBytes: 1 },
        layers: [],
      };
    },
    identifyImage: async () => undefined,
    ...more,
  };
  return { options, asked };
}

/** Versions in a lock, by package, tools included; and the image's. */
function versionsOf(lock: Lock): {
  versions: Set<string>;
  of(name: string): string[];
  image: string | undefined;
} {
  const all = [...Object.values(lock.architectures), ...Object.values(lock.tools)].flatMap(sets =>
    Object.values(sets.packages),
  );
  return {
    versions: new Set(all.map(pkg => pkg.version)),
    of: name => [...new Set(all.filter(pkg => pkg.name === name).map(pkg => pkg.version))],
    image: lock.architectures.amd64?.images[IMAGE]?.manifest.digest,
  };
}

const first = await resolveProject(project, optionsOf('1').options);

t.test('a first lock holds every set', async t => {
  t.strictSame(Object.keys(first.architectures), ['amd64']);
  t.strictSame(Object.keys(first.architectures.amd64?.sets ?? {}).sort(), [
    'core',
    'image:system-images/ntp',
    'initrd',
    'kernel',
    'loaders',
  ]);
  t.strictSame(Object.keys(first.tools.amd64?.sets ?? {}).sort(), ['pack', 'vm-amd64']);
  t.strictSame(Object.keys(first.architectures.amd64?.images ?? {}), [IMAGE]);
  t.equal(first.epoch, Date.parse('2026-01-01T00:00:00Z') / 1000);
  t.equal(await lockStaleness(project, first, optionsOf('1').options), undefined);
});

t.test('a source that changes makes the lock stale, until it is made anew', async t => {
  const folder = t.testdir({
    'slipway.yml': 'files:\n  - {path: etc/motd, source: motd}\n',
    motd: 'one',
  });
  const before = await load(folder);
  const lock = await resolveProject(before, optionsOf('1').options);
  t.equal(await lockStaleness(before, lock, optionsOf('1').options), undefined);
  writeFileSync(join(folder, 'motd'), 'two');
  const after = await load(folder);
  t.equal(after.manifestDigest, before.manifestDigest);
  t.equal(await lockStaleness(after, lock, optionsOf('1').options), 'the source of /etc/motd has changed');
  const { options, asked } = optionsOf('2', lock);
  t.strictSame(
    await resolveProject(after, options),
    { ...lock, files: after.sources },
    'nothing else changes',
  );
  t.not(after.sources['etc/motd'], lock.files['etc/motd']);
  t.strictSame(asked, { debian: 0, images: [] }, 'without network');
});

t.test('a lock that fits is returned as it is, without network', async t => {
  const { options, asked } = optionsOf('2', first);
  t.equal(await resolveProject(project, options), first);
  t.strictSame(asked, { debian: 0, images: [] });
});

t.test('what makes a lock stale is said in words', async t => {
  const { options } = optionsOf('1');
  const pack = first.tools.amd64?.sets.pack ?? [];
  const amd64 = first.architectures.amd64;
  if (!amd64) throw new Error('the lock is for amd64');
  const changed = (part: Partial<LockedArch>): Lock => ({
    ...first,
    architectures: { amd64: { ...amd64, ...part } },
  });
  const { loaders, ...otherSets } = amd64.sets;
  t.ok(loaders);
  const stranger = { npmPackage: 'evil', version: '24.0.0', integrity: `sha512-${'A'.repeat(86)}==` };
  const cases: [string, Lock | undefined, Partial<ResolveOptions>][] = [
    ['there is no lock yet', undefined, {}],
    ['it was made by Slipway 0.1.0', first, { slipwayVersion: '0.2.0' }],
    ['the manifest has changed', { ...first, manifest: digestOf('other') }, {}],
    ['the recipe system-images/ntp has changed', { ...first, recipes: {} }, {}],
    ['the recipe gone has changed', { ...first, recipes: { ...first.recipes, gone: digestOf('') } }, {}],
    ['the source of /etc/gone has changed', { ...first, files: { 'etc/gone': digestOf('') } }, {}],
    ['it has nothing for arm64', first, { arch: 'arm64' }],
    ['its Node for amd64 is not that of Slipway 0.1.0', changed({ node: stranger }), {}],
    [
      'its Node for amd64 is not that of Slipway 0.1.0',
      changed({ node: { ...amd64.node, integrity: stranger.integrity } }),
      {},
    ],
    ['it has no packages of loaders for amd64', changed({ sets: otherSets }), {}],
    [`it has no image ${IMAGE} for amd64`, changed({ images: {} }), {}],
    [`the image ${IMAGE} has changed`, first, { identifyImage: async () => digestOf('now') }],
    ['it has no tools for building amd64 on arm64', first, { hostArch: 'arm64' }],
    [
      'it has no tools for building amd64 on amd64',
      { ...first, tools: { amd64: { packages: {}, sets: { pack } } } },
      {},
    ],
  ];
  for (const [reason, lock, more] of cases)
    t.equal(await lockStaleness(project, lock, { ...options, ...more }), reason);
});

t.test('a manifest that changed keeps the versions there are', async t => {
  const stale = { ...first, manifest: digestOf('other') };
  const { options, asked } = optionsOf('2', stale);
  const lock = await resolveProject(project, options);
  t.strictSame([...versionsOf(lock).versions], ['1']);
  t.equal(versionsOf(lock).image, versionsOf(first).image);
  t.strictSame(asked, { debian: 1, images: [] });
  t.equal(lock.manifest, project.manifestDigest);
});

t.test('a version that is gone is replaced, and only that', async t => {
  const stale = { ...first, manifest: digestOf('other') };
  const lock = await resolveProject(project, optionsOf('2', stale, { gone: ['busybox-static=1'] }).options);
  t.strictSame(versionsOf(lock).of('busybox-static'), ['2']);
  const others = Object.values(lock.architectures.amd64?.packages ?? {}).filter(
    p => p.name !== 'busybox-static',
  );
  t.ok(others.length > 0 && others.every(p => p.version === '1'));
});

t.test('--update takes everything anew', async t => {
  const { options, asked } = optionsOf('2', first, { update: 'all' });
  const lock = await resolveProject(project, options);
  t.strictSame([...versionsOf(lock).versions], ['2']);
  t.not(versionsOf(lock).image, versionsOf(first).image);
  t.strictSame(asked.images, [`${IMAGE} amd64`]);
});

t.test('--update NAME moves only NAME', async t => {
  const update = new Set(['busybox-static']);
  const { options, asked } = optionsOf('2', first, { update });
  const lock = await resolveProject(project, options);
  t.strictSame(versionsOf(lock).of('busybox-static'), ['2']);
  for (const pkg of Object.values(lock.architectures.amd64?.packages ?? {}))
    t.equal(pkg.version, pkg.name === 'busybox-static' ? '2' : '1', pkg.name);
  t.strictSame(asked.images, []);

  const image = await resolveProject(project, optionsOf('2', first, { update: new Set([IMAGE]) }).options);
  t.strictSame([...versionsOf(image).versions], ['1']);
  t.not(versionsOf(image).image, versionsOf(first).image);
});

t.test('--update of a name that there is not', async t => {
  const { options } = optionsOf('2', first, { update: new Set(['busybox-static', 'busybux', 'my.yml']) });
  await t.rejects(resolveProject(project, options), {
    code: 'UPDATE_UNKNOWN',
    message: 'updating busybux, my.yml: the lock has no package or image of that name',
  });
});

t.test('--update of a recipe says what moves it', async t => {
  for (const name of ['system-images/ntp']) {
    const { options } = optionsOf('2', first, { update: new Set([name]) });
    await t.rejects(resolveProject(project, options), {
      code: 'UPDATE_UNKNOWN',
      hint: 'recipes follow their files; name a package of theirs, or nothing for everything',
    });
  }
});

t.test('packages that can not be chosen are told with who asks for them', async t => {
  const folder = t.testdir({
    'slipway.yml': 'services:\n  - {name: a, image: ./web}\n',
    web: { 'image.yml': 'description: x\npackages: [ngnix]\n' },
  });
  const refusing = (set: string) => async (): Promise<DebianIndex> => {
    const index = new FakeDebian('1');
    const { resolve } = index;
    index.resolve = async (arch, wish) => {
      if (!wish.want.includes(set)) return resolve(arch, wish);
      throw new ToolError(`resolving packages for ${arch}: ${set} is in no index`, {
        code: 'PACKAGE_UNKNOWN',
        kind: 'invalid-input',
        hint: 'did you mean "nginx"?',
      });
    };
    return index;
  };
  const asked = optionsOf('1', undefined, { openDebian: refusing('ngnix') });
  await t.rejects(resolveProject(await load(folder), asked.options), {
    code: 'PACKAGE_UNKNOWN',
    message: `resolving packages for amd64: ngnix is in no index\n  asked for by the recipe ${folder}/web/image.yml`,
    hint: 'did you mean "nginx"?',
  });
  const own = optionsOf('1', undefined, { openDebian: refusing('xorriso') });
  await t.rejects(resolveProject(project, own.options), { message: /is in no index$/ }, "Slipway's own wish");
});

t.test('another architecture is added, and kept up from then on', async t => {
  const both = await resolveProject(project, optionsOf('2', first, { arch: 'arm64' }).options);
  t.strictSame(Object.keys(both.architectures).sort(), ['amd64', 'arm64']);
  t.ok(Object.values(both.architectures.amd64?.packages ?? {}).every(pkg => pkg.version === '1'));
  t.ok(both.tools.amd64?.sets['vm-arm64']);
  const again = await resolveProject(project, optionsOf('3', both, { update: 'all' }).options);
  t.strictSame(Object.keys(again.architectures).sort(), ['amd64', 'arm64']);
});

t.test('the tools alone', async t => {
  const { options, asked } = optionsOf('1');
  const tools = await resolveTools('amd64', options);
  t.strictSame(tools.architectures, {});
  t.strictSame(Object.keys(tools.tools.amd64?.sets ?? {}).sort(), ['pack', 'vm-amd64'], 'and no others');
  t.equal(await resolveTools('amd64', { ...options, previous: tools }), tools);
  t.equal(asked.debian, 1);
  const both = await resolveTools('arm64', { ...options, previous: tools });
  t.strictSame(Object.keys(both.tools.amd64?.sets ?? {}).sort(), ['pack', 'vm-amd64', 'vm-arm64']);
});

t.test("a stranger's Node in a lock is replaced by Slipway's own", async t => {
  const amd64 = first.architectures.amd64;
  if (!amd64) throw new Error('the lock is for amd64');
  const node = { npmPackage: 'evil', version: '24.0.0', integrity: `sha512-${'A'.repeat(86)}==` };
  const stale = { ...first, architectures: { amd64: { ...amd64, node } } };
  const lock = await resolveProject(project, optionsOf('2', stale).options);
  t.strictSame(lock.architectures.amd64?.node, amd64.node);
});
