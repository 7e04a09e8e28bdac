import { access, constants, stat } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { ToolError, isSystemError } from '../../shared/errors.ts';
import { type Artifact, type BuildOptions, type BuildResult, FORMATS, type Format, build } from '../build.ts';
import { loadProject } from '../project.ts';
import { formatBytes } from '../report/format.ts';
import { type BuildHost, type BuildHostArguments, openBuildHost } from './build-host.ts';
import type { CommandContext } from './context.ts';
import type { ProjectLock } from './project-lock.ts';

export interface BuildArguments extends BuildHostArguments {
  readonly manifests: readonly string[];
  readonly output: string;
  readonly format?: readonly string[];
  readonly json?: boolean;
}

/** `slipway build`: from manifest to artifacts; prints them, as text or JSON. */
export async function buildCommand(context: CommandContext, args: BuildArguments): Promise<number> {
  const formats = parseFormats(args.format ?? ['iso']);
  const project = await loadProject({
    ...context,
    manifests: args.manifests,
    allowHostFiles: args.allowHostFiles ?? false,
  });
  await checkOutput(resolve(context.workingDirectory, args.output));
  await using host = await openBuildHost(context, args);
  const resolved = await host.resolve(project, {});
  const result = await buildProject(context, host, { project, resolved, output: args.output, formats });
  context.endReport();
  context.stdout.write(args.json ? formatJson(result) : formatText(result, context.workingDirectory));
  return 0;
}

/** Builds a resolved project; its lock is written as soon as all that it names was fetched. */
export async function buildProject(
  context: CommandContext,
  host: BuildHost,
  {
    project,
    resolved: { lock, save },
    output,
    formats,
  }: Pick<BuildOptions, 'project' | 'output' | 'formats'> & { readonly resolved: ProjectLock },
): Promise<BuildResult> {
  return build({
    project,
    lock,
    inputs: host.inputs(lock),
    onFetched: save,
    formats,
    output: resolve(context.workingDirectory, output),
    packageRoot: context.packageRoot,
    slipwayVersion: context.version,
    arch: host.arch,
    hostArch: host.hostArch,
    store: host.store,
    emit: context.emit,
    signal: context.signal,
  });
}

/** Told before minutes of work: that the artifacts could not be put where they are wanted. */
export async function checkOutput(folder: string): Promise<void> {
  let fault: string;
  try {
    if ((await stat(folder)).isDirectory()) {
      await access(folder, constants.W_OK);
      return;
    }
    fault = 'it is not a folder';
  } catch (error) {
    if (isSystemError(error, 'ENOENT') && dirname(folder) !== folder) return checkOutput(dirname(folder));
    if (!isSystemError(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR')) throw error;
    fault = error.message;
  }
  throw new ToolError(`writing to the folder ${folder}: ${fault}`, {
    code: 'OUTPUT_NOT_WRITABLE',
    kind: 'io',
    hint: 'choose a folder you may write to with --output',
  });
}

function parseFormats(names: readonly string[]): Format[] {
  if (names.length === 0) return parseFormats(['']);
  return names.map(name => {
    const format = FORMATS.find(known => known === name);
    if (format) return format;
    throw new ToolError(`there is no format "${name}"`, {
      code: 'FORMAT_UNKNOWN',
      kind: 'invalid-input',
      hint: `the formats are ${FORMATS.join(', ')}`,
    });
  });
}

function formatJson({ record, artifacts, unchanged }: BuildResult): string {
  const { name, version, arch, buildId, epoch, parts } = record;
  return `${JSON.stringify({ name, version, arch, buildId, epoch, unchanged, artifacts, parts }, null, 2)}\n`;
}

function formatText({ artifacts }: BuildResult, workingDirectory: string): string {
  const line = ({ path, sizeBytes, sha256 }: Artifact): string =>
    `${relative(workingDirectory, path) || path}  ${formatBytes(sizeBytes)}  sha256:${sha256}\n`;
  return artifacts.map(line).join('');
}
