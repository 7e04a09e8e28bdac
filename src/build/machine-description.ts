import type { Entry } from '../shared/archive/entry.ts';
import type { Arch } from '../shared/arch.ts';
import { type Digest, canonicalJson, digestOf } from '../shared/digest.ts';
import type { EmitEvent } from '../shared/events.ts';
import type { MachineImage } from '../shared/machine-image.ts';
import { dirname, resolve } from 'node:path';
import { type ImageFacts, defineServices } from '../shared/service/define.ts';
import { formatFault } from '../shared/yaml/faults.ts';
import { assembleFiles } from './assemble/steps/files.ts';
import type { CollectedImage } from './collect-images.ts';
import type { Project } from './project.ts';
import { digestEntries } from './tree/digest-entries.ts';

export interface DescribeOptions {
  readonly arch: Arch;
  /** Seconds since 1970. */
  readonly epoch: number;
  readonly kernelRelease: string;
  readonly slipwayVersion: string;
  readonly emit: EmitEvent;
}

/** What the machine is told about itself. Throws MANIFEST_INVALID where images bring faults of their own. */
export function describeMachine(
  project: Project,
  images: readonly CollectedImage[],
  options: DescribeOptions,
): MachineImage {
  const { manifest } = project;
  const byName = new Map(images.map(image => [image.name, image]));
  const { definitions, warnings } = defineServices(
    manifest,
    ({ source }) => recipeFacts(project, source.name) ?? ociFacts(byName.get(source.name)),
  );
  for (const warning of warnings) options.emit({ type: 'warning', message: formatFault(warning) });
  return {
    name: manifest.name,
    version: manifest.version ?? options.slipwayVersion,
    slipwayVersion: options.slipwayVersion,
    arch: options.arch,
    kernelRelease: options.kernelRelease,
    builtAt: options.epoch,
    hostname: manifest.hostname,
    rescue: manifest.rescue,
    engine: manifest.engine,
    trust: manifest.trust,
    state: manifest.state,
    sysctl: manifest.sysctl,
    services: definitions,
  };
}

function ociFacts(image: CollectedImage | undefined): ImageFacts {
  const user = image?.user;
  return { kind: 'oci', labels: image?.labels ?? {}, ...(user === undefined ? {} : { user }) };
}

/** What a recipe says about its containers; undefined for another image, whose labels come with it. */
export function recipeFacts({ recipes }: Pick<Project, 'recipes'>, image: string): ImageFacts | undefined {
  const recipe = recipes.get(image)?.recipe;
  return recipe && { kind: 'recipe', config: recipe.config };
}

/** The manifest's `files`, read. */
export interface CollectedFiles {
  readonly entries: readonly Entry[];
  /** Of all entries. */
  readonly digest: Digest;
  /** Of what each `source` brings, by its path in the image; a source that is optional and missing brings nothing. */
  readonly sources: Readonly<Record<string, Digest>>;
}

/** Reads the manifest's `files`, each relative to the manifest that names it. Errors as `assembleFiles`. */
export async function collectFiles(
  {
    manifest,
    workingDirectory,
    allowHostFiles,
    lockPath,
  }: Pick<Project, 'manifest' | 'workingDirectory' | 'allowHostFiles' | 'lockPath'>,
  epoch: number,
): Promise<CollectedFiles> {
  const entries: Entry[] = [];
  const digests: Digest[] = [];
  const sources = new Map<string, Digest[]>();
  for (const file of manifest.files) {
    const folder = resolve(workingDirectory, dirname(file.place.file));
    const input = { files: [file], folder, allowOutside: allowHostFiles, leaveOut: lockPath, epoch };
    const found = await assembleFiles(input);
    const digest = digestEntries(found);
    entries.push(...found);
    digests.push(digest);
    if (file.kind === 'source') sources.set(file.path, [...(sources.get(file.path) ?? []), digest]);
  }
  return {
    entries,
    digest: digestOf(canonicalJson(digests)),
    sources: Object.fromEntries([...sources].map(([path, list]) => [path, digestOf(canonicalJson(list))])),
  };
}
