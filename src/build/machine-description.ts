import type { Entry } from '../shared/archive/entry.ts';
import type { Arch } from '../shared/arch.ts';
import { type Digest, canonicalJson, digestOf } from '../shared/digest.ts';
import type { EmitEvent } from '../shared/events.ts';
import type { MachineImage } from '../shared/machine-image.ts';
import { dirname, resolve } from 'node:path';
import { defineServices } from '../shared/service/define.ts';
import { formatFault } from '../shared/yaml/faults.ts';
import { assembleFiles } from './assemble/steps/files.ts';
import type { CollectedImage } from './collect-images.ts';
import type { Project } from './project.ts';

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
  const { manifest, recipes } = project;
  const labels = new Map(images.map(image => [image.name, image.labels]));
  const { definitions, warnings } = defineServices(manifest, ({ source }) => {
    const recipe = recipes.get(source.name)?.recipe;
    return recipe
      ? { kind: 'recipe', config: recipe.config }
      : { kind: 'oci', labels: labels.get(source.name) ?? {} };
  });
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

/** The manifest's `files`, read, each relative to the manifest that names it, and a digest of what they are. */
export async function collectFiles(
  {
    manifest,
    workingDirectory,
    allowHostFiles,
  }: Pick<Project, 'manifest' | 'workingDirectory' | 'allowHostFiles'>,
  epoch: number,
): Promise<{ entries: Entry[]; digest: Digest }> {
  const entries: Entry[] = [];
  for (const file of manifest.files) {
    const folder = resolve(workingDirectory, dirname(file.place.file));
    entries.push(...(await assembleFiles({ files: [file], folder, allowOutside: allowHostFiles, epoch })));
  }
  const described = entries.map(entry =>
    entry.kind === 'file' && entry.content.kind === 'bytes'
      ? { ...entry, content: digestOf(entry.content.bytes) }
      : entry,
  );
  return { entries, digest: digestOf(canonicalJson(described)) };
}
