import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildRecord } from '../../src/build/inspect/build-record.ts';
import { type Finished, type Workshop, runSlipway } from './workshop.ts';

/** What a build of one manifest has left. */
export interface BuiltImage {
  readonly manifest: string;
  readonly lock: string;
  readonly iso: string;
  readonly isoBytes: number;
  readonly kernel: string;
  /** With the file systems in it. */
  readonly initrd: string;
  readonly commandLine: string;
  readonly record: BuildRecord;
  /** The run that made it. */
  readonly build: Finished;
}

interface BuildOutput {
  readonly artifacts: readonly { readonly kind: string; readonly path: string; readonly sizeBytes: number }[];
}

/** Builds `examples/NAME.yml` of the copy: the ISO, and kernel and initrd. Throws the build's messages. */
export async function buildExample(workshop: Workshop, name: string): Promise<BuiltImage> {
  const manifest = join(workshop.packageRoot, 'examples', `${name}.yml`);
  const output = join(workshop.scratch, 'out', name);
  const build = await runSlipway(workshop, [
    ...['build', manifest, '--output', output, '--format', 'iso,kernel+initrd', '--json'],
  ]);
  const { artifacts } = JSON.parse(build.stdout) as BuildOutput;
  const find = (kind: string): { readonly path: string; readonly sizeBytes: number } => {
    const artifact = artifacts.find(candidate => candidate.kind === kind);
    if (!artifact) throw new Error(`the build of ${name} made no ${kind}`);
    return artifact;
  };
  const inspected = await runSlipway(workshop, ['inspect', find('iso').path, '--json']);
  return {
    manifest,
    lock: manifest.replace(/\.yml$/, '.lock'),
    iso: find('iso').path,
    isoBytes: find('iso').sizeBytes,
    kernel: find('kernel').path,
    initrd: find('initrd').path,
    commandLine: (await readFile(find('cmdline').path, 'utf8')).trim(),
    record: JSON.parse(inspected.stdout) as BuildRecord,
    build,
  };
}
