import { join } from 'node:path';
import { ARCHES, type Arch } from '../../shared/arch.ts';
import { type Digest, canonicalJson, digestOf } from '../../shared/digest.ts';
import { ToolError } from '../../shared/errors.ts';
import type { EmitEvent } from '../../shared/events.ts';
import { type ManifestImage, kernelPackage, manifestImages } from '../../shared/manifest/index.ts';
import { foreignImages } from '../collect-images.ts';
import { INITRD_PACKAGES, corePackages, kernelPackages, recipePackages } from '../assemble/package-sets.ts';
import {
  type Lock,
  type LockedArch,
  type LockedImage,
  type LockedPackage,
  type LockedSets,
  packageId,
} from '../lock/lock.ts';
import type { Project } from '../project.ts';
import { LOADER_PACKAGES, PACK_TOOLS, VM_TOOLS } from '../tools/packages.ts';
import type { DebianIndex } from './debian/debian-index.ts';
import type { PackageSet } from './debian/solve.ts';
import nodeRuntime from './node-runtime.json' with { type: 'json' };

export interface ResolveOptions {
  readonly slipwayVersion: string;
  /** Architecture of the image that is wanted; other architectures of the lock are kept up too. */
  readonly arch: Arch;
  readonly hostArch: Arch;
  /** The lock there is. */
  readonly previous: Lock | undefined;
  /** Choose anew: everything, or what has one of these names (packages, images as the manifest spells them). */
  readonly update: 'all' | ReadonlySet<string> | undefined;
  /** Opens Debian's indexes; called only when something must be chosen. */
  readonly openDebian: () => Promise<DebianIndex>;
  /** Pins an image that no recipe makes. */
  readonly resolveImage: (image: ManifestImage, arch: Arch) => Promise<LockedImage>;
  /** Digest of the manifest that an image on the build host's disk has now; undefined for a registry's. */
  readonly identifyImage: (image: ManifestImage, arch: Arch) => Promise<Digest | undefined>;
  readonly emit: EmitEvent;
}

/**
 * Why a lock does not fit a project, in a few words; undefined when it does. Needs no network.
 * Errors: those of `identifyImage`.
 */
export async function lockStaleness(
  project: Project,
  lock: Lock | undefined,
  {
    arch,
    hostArch,
    slipwayVersion,
    identifyImage,
  }: Pick<ResolveOptions, 'arch' | 'hostArch' | 'slipwayVersion' | 'identifyImage'>,
): Promise<string | undefined> {
  if (!lock) return 'there is no lock yet';
  if (lock.slipway !== slipwayVersion) return `it was made by Slipway ${lock.slipway}`;
  if (lock.manifest !== project.manifestDigest) return 'the manifest has changed';
  const recipes = Object.fromEntries([...project.recipes].map(([name, { digest }]) => [name, digest]));
  for (const name of new Set([...Object.keys(recipes), ...Object.keys(lock.recipes)])) {
    if (recipes[name] !== lock.recipes[name]) return `the recipe ${name} has changed`;
  }
  for (const path of new Set([...Object.keys(project.sources), ...Object.keys(lock.files)])) {
    if (project.sources[path] !== lock.files[path]) return `the source of /${path} has changed`;
  }
  const locked = lock.architectures[arch];
  if (!locked) return `it has nothing for ${arch}`;
  // Node runs on the build host before it is kept, so a stranger's lock must not choose it.
  if (canonicalJson(locked.node) !== canonicalJson(nodeRuntime[arch])) {
    return `its Node for ${arch} is not that of Slipway ${slipwayVersion}`;
  }
  const lacking = Object.keys(packageSets(project, arch)).find(name => !locked.sets[name]);
  if (lacking !== undefined) return `it has no packages of ${lacking} for ${arch}`;
  const tools = lock.tools[hostArch];
  if (!tools?.sets.pack || !tools.sets[`vm-${arch}`])
    return `it has no tools for building ${arch} on ${hostArch}`;
  for (const image of foreignImages(project)) {
    const found = locked.images[image.source.name];
    if (!found) return `it has no image ${image.text} for ${arch}`;
    const current = await identifyImage(image, arch);
    if (current !== undefined && current !== found.manifest.digest)
      return `the image ${image.text} has changed`;
  }
  return undefined;
}

/**
 * Resolves a project to a lock. A lock that fits is returned as it is, without network, and one that only lacks what
 * sources bring now with that. Where it does not, versions that it holds are kept as long as the indexes have them, except what `update` names.
 *
 * Errors: UPDATE_UNKNOWN, and those of `openDebian`, `DebianIndex.resolve` and `resolveImage`.
 */
export async function resolveProject(project: Project, options: ResolveOptions): Promise<Lock> {
  const { arch, hostArch, previous, update, slipwayVersion } = options;
  if (previous && update === undefined) {
    if ((await lockStaleness(project, previous, options)) === undefined) return previous;
    // What files bring decides over no package.
    const refreshed = { ...previous, files: project.sources };
    if ((await lockStaleness(project, refreshed, options)) === undefined) return refreshed;
  }

  const index = await options.openDebian();
  const architectures: Partial<Record<Arch, LockedArch>> = {};
  for (const target of ARCHES.filter(one => one === arch || previous?.architectures[one])) {
    const old = previous?.architectures[target];
    architectures[target] = {
      ...(await resolveSets(index, target, packageSets(project, target), old, {
        ...options,
        originOf: set => originOf(project, set),
      })),
      node: nodeRuntime[target],
      images: await resolveImages(project, target, old, options),
    };
  }
  const guests = Object.keys(architectures) as Arch[];
  const tools = await resolveSets(index, hostArch, toolSets(guests), previous?.tools[hostArch], options);
  const lock: Lock = {
    lockVersion: 1,
    slipway: slipwayVersion,
    manifest: project.manifestDigest,
    recipes: Object.fromEntries([...project.recipes].map(([name, { digest }]) => [name, digest])),
    files: project.sources,
    epoch: epochOf(index),
    suites: index.suites,
    tools: { ...previous?.tools, [hostArch]: tools },
    architectures,
  };
  if (update !== undefined && update !== 'all') checkUpdateNames(update, project, [previous, lock]);
  return lock;
}

/** A misspelt name must not look like a package that has no newer version. */
function checkUpdateNames(
  update: ReadonlySet<string>,
  project: Project,
  locks: readonly (Lock | undefined)[],
): void {
  const known = new Set(foreignImages(project).flatMap(({ source, text }) => [source.name, text]));
  for (const lock of locks) {
    for (const sets of [...Object.values(lock?.tools ?? {}), ...Object.values(lock?.architectures ?? {})])
      for (const pkg of Object.values(sets.packages)) known.add(pkg.name);
  }
  const unknown = [...update].filter(name => !known.has(name)).sort();
  if (unknown.length === 0) return;
  const recipes = new Set(
    manifestImages(project.manifest)
      .filter(({ source }) => project.recipes.has(source.name))
      .flatMap(({ source, text }) => [source.name, text]),
  );
  const isRecipe = unknown.some(name => recipes.has(name));
  throw new ToolError(`updating ${unknown.join(', ')}: the lock has no package or image of that name`, {
    code: 'UPDATE_UNKNOWN',
    kind: 'not-found',
    hint: isRecipe
      ? 'recipes follow their files; name a package of theirs, or nothing for everything'
      : 'name packages as Debian does and images as the manifest does; manifests come before --update',
  });
}

/**
 * A lock of the build host's tools alone, for booting an artifact whose manifest is not at hand. One
 * that is there and has them is returned as it is.
 */
export async function resolveTools(
  arch: Arch,
  options: Omit<ResolveOptions, 'arch' | 'resolveImage' | 'identifyImage'>,
): Promise<Lock> {
  const { hostArch, previous, slipwayVersion } = options;
  if (previous?.slipway === slipwayVersion && previous.tools[hostArch]?.sets[`vm-${arch}`]) return previous;
  const index = await options.openDebian();
  const had = previous?.slipway === slipwayVersion ? previous.tools[hostArch]?.sets : undefined;
  const guests = ARCHES.filter(guest => guest === arch || had?.[`vm-${guest}`]);
  return {
    lockVersion: 1,
    slipway: slipwayVersion,
    manifest: digestOf(''),
    recipes: {},
    files: {},
    epoch: epochOf(index),
    suites: index.suites,
    tools: { [hostArch]: await resolveSets(index, hostArch, toolSets(guests), undefined, options) },
    architectures: {},
  };
}

/** The newest index's time, in seconds since 1970. */
function epochOf(index: DebianIndex): number {
  return Math.max(...index.suites.map(suite => Date.parse(suite.date) / 1000));
}

function toolSets(guests: readonly Arch[]): Record<string, PackageSet> {
  return { pack: PACK_TOOLS, ...Object.fromEntries(guests.map(guest => [`vm-${guest}`, VM_TOOLS[guest]])) };
}

async function resolveSets(
  index: DebianIndex,
  target: Arch,
  wishes: Readonly<Record<string, PackageSet>>,
  old: LockedSets | undefined,
  { update, emit, originOf }: Pick<ResolveOptions, 'update' | 'emit'> & { originOf?: Origin },
): Promise<LockedSets> {
  const kept =
    update === 'all' ? [] : Object.values(old?.packages ?? {}).filter(pkg => !update?.has(pkg.name));
  const keep = new Map(kept.map(pkg => [pkg.name, pkg.version]));
  const sets: Record<string, readonly string[]> = {};
  const packages: Record<string, LockedPackage> = {};
  for (const [name, wish] of Object.entries(wishes)) {
    const chosen = await step(emit, `${name} (${target})`, () =>
      index.resolve(target, { ...wish, keep }).catch((error: unknown) => {
        throw withOrigin(error, originOf?.(name));
      }),
    );
    for (const pkg of chosen) packages[packageId(pkg)] = pkg;
    sets[name] = chosen.map(packageId).sort();
  }
  return { sets, packages };
}

/** Who asks for the packages of a set; undefined where it is Slipway itself. */
type Origin = (set: string) => string | undefined;

function originOf({ manifest, recipes }: Project, set: string): string | undefined {
  if (set === 'kernel') {
    const isAsked = manifest.kernel.package !== undefined || manifest.kernel.firmware.length > 0;
    return isAsked ? "the manifest's kernel.package and kernel.firmware" : undefined;
  }
  const recipe = recipes.get(set.replace(/^image:/, ''));
  return recipe && `the recipe ${join(recipe.folder, 'image.yml')}`;
}

/** A refusal to choose packages, with who asks for them. */
function withOrigin(error: unknown, origin: string | undefined): unknown {
  if (!(error instanceof ToolError) || origin === undefined) return error;
  if (!/^(PACKAGES?|RELATION)_/.test(error.code)) return error;
  const { code, kind, hint, cause } = error;
  return new ToolError(`${error.message}\n  asked for by ${origin}`, {
    ...{ code, kind, cause },
    ...(hint === undefined ? {} : { hint }),
  });
}

/** What of Debian goes into an image, by the name of the set. */
function packageSets(project: Project, arch: Arch): Record<string, PackageSet> {
  const { manifest } = project;
  return {
    kernel: kernelPackages(kernelPackage(manifest, arch), manifest.kernel.firmware),
    core: corePackages(manifest.engine),
    initrd: INITRD_PACKAGES,
    loaders: LOADER_PACKAGES[arch],
    ...Object.fromEntries(
      [...project.recipes].map(([name, { recipe }]) => [`image:${name}`, recipePackages(recipe)]),
    ),
  };
}

async function resolveImages(
  project: Project,
  arch: Arch,
  old: LockedArch | undefined,
  { update, resolveImage, emit }: ResolveOptions,
): Promise<Record<string, LockedImage>> {
  const images: Record<string, LockedImage> = {};
  for (const image of foreignImages(project)) {
    const { source, text } = image;
    const kept = old?.images[source.name];
    const isLocal = source.kind !== 'registry';
    const isNamed = update !== undefined && (update === 'all' || update.has(text) || update.has(source.name));
    images[source.name] =
      kept && !isLocal && !isNamed
        ? kept
        : await step(emit, `${text} (${arch})`, () => resolveImage(image, arch));
  }
  return images;
}

async function step<T>(emit: EmitEvent, name: string, run: () => Promise<T>): Promise<T> {
  emit({ type: 'step-start', stage: 'resolve', step: name });
  const startedMs = performance.now();
  const value = await run();
  emit({
    type: 'step-end',
    stage: 'resolve',
    step: name,
    durationMs: performance.now() - startedMs,
    cached: false,
  });
  return value;
}
