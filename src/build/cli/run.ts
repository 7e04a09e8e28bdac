import { join, resolve } from 'node:path';
import type { Arch } from '../../shared/arch.ts';
import { ToolError, invariant } from '../../shared/errors.ts';
import { formatFault } from '../../shared/yaml/faults.ts';
import { readRecord } from '../inspect/read-record.ts';
import type { Lock } from '../lock/lock.ts';
import { loadProject } from '../project.ts';
import { EXIT } from '../report/exit-code.ts';
import { openToolbox } from '../tools/toolbox.ts';
import { chooseFirmware } from '../vm/hardware.ts';
import { type RunVmResult, checkRun, runVm } from '../vm/run.ts';
import { buildProject, checkOutput } from './build.ts';
import { type BuildHost, type BuildHostArguments, openBuildHost } from './build-host.ts';
import type { CommandContext } from './context.ts';

export interface RunArguments extends BuildHostArguments {
  /** One ISO, or manifests that are joined. */
  readonly subjects: readonly string[];
  readonly memory: number;
  readonly cpus: number;
  readonly bios?: boolean;
  readonly uefi?: boolean;
  readonly secureBoot?: boolean;
  readonly publish?: readonly string[];
  readonly disk?: readonly string[];
  readonly cloudConfig?: string;
  readonly seed: boolean;
  readonly usb?: boolean;
  readonly accel: 'auto' | 'kvm' | 'tcg';
  readonly until?: 'ready';
  /** Seconds. */
  readonly timeout?: number;
  readonly headless?: boolean;
}

/** Where the ISO of a manifest is put, as `slipway build` does. */
const OUTPUT = 'out';

/** `slipway run`: boots an ISO, or a manifest's after building it. See docs/exit-codes.md for what it returns. */
export async function runVmCommand(context: CommandContext, args: RunArguments): Promise<number> {
  const iso = isoOf(args.subjects, context.workingDirectory);
  const note = (line: string): void => void context.stderr.write(`slipway: ${line}\n`);
  const arch = iso === undefined ? args.arch : await isoArch(iso, args.arch);
  const warnings = await checkRun({
    publish: args.publish ?? [],
    disks: args.disk ?? [],
    cloudConfig: args.cloudConfig,
    workingDirectory: context.workingDirectory,
  });
  for (const warning of warnings) context.emit({ type: 'warning', message: formatFault(warning) });
  if (iso === undefined) await checkOutput(resolve(context.workingDirectory, OUTPUT));
  await using host = await openBuildHost(context, { ...args, ...(arch === undefined ? {} : { arch }) });
  const firmware = chooseFirmware(args, host.arch);
  const { file, lock } =
    iso === undefined ? await buildIso(context, host, args) : { file: iso, lock: await host.resolveTools() };
  if (iso === undefined) note(`booting ${file}`);
  const toolbox = openToolbox({
    root: await host.inputs(lock).unpackTools(`vm-${host.arch}`),
    epoch: lock.epoch,
    arch: host.hostArch,
  });
  context.endReport();
  const result = await runVm({
    toolbox,
    arch: host.arch,
    nodeArch: context.nodeArch,
    boot: { kind: args.usb ? 'usb' : 'cd', file },
    firmware,
    memoryMb: args.memory,
    cpus: args.cpus,
    publish: args.publish ?? [],
    disks: args.disk ?? [],
    seed: args.seed,
    cloudConfig: args.cloudConfig,
    acceleration: args.accel,
    until: args.until,
    timeoutMs: args.timeout === undefined ? undefined : args.timeout * 1000,
    headless: args.headless ?? false,
    workingDirectory: context.workingDirectory,
    home: context.environment.HOME,
    cacheFolder: join(host.store.root, 'acceleration'),
    stdin: context.stdin,
    stdout: context.stdout,
    note,
    signal: context.signal,
  });
  // Whoever leaves is somewhere in a line of the machine's.
  if (result.status === 'left') context.stdout.write('\n');
  return exitCode(result, note);
}

/** The ISO that is to be booted, absolute; undefined where manifests are named, or nothing. Throws RUN_SUBJECT. */
function isoOf(subjects: readonly string[], workingDirectory: string): string | undefined {
  const iso = subjects.find(subject => /\.iso$/i.test(subject));
  if (iso !== undefined && subjects.length > 1) {
    throw new ToolError(`booting ${subjects.join(' and ')}: an ISO stands alone`, {
      code: 'RUN_SUBJECT',
      kind: 'invalid-input',
      hint: 'name one ISO, or manifests only',
    });
  }
  return iso === undefined ? undefined : resolve(workingDirectory, iso);
}

/** Builds the manifests' ISO. */
async function buildIso(
  context: CommandContext,
  host: BuildHost,
  args: RunArguments,
): Promise<{ file: string; lock: Lock }> {
  const project = await loadProject({
    ...context,
    manifests: args.subjects,
    allowHostFiles: args.allowHostFiles ?? false,
  });
  const resolved = await host.resolve(project, {});
  const { artifacts } = await buildProject(context, host, {
    project,
    resolved,
    output: OUTPUT,
    formats: ['iso'],
  });
  const made = artifacts.find(({ kind }) => kind === 'iso');
  invariant(made, 'the format iso makes an ISO');
  return { file: made.path, lock: resolved.lock };
}

/** The architecture that an ISO of slipway was built for; another one's is what `--arch` says, if anything. */
async function isoArch(iso: string, asked: Arch | undefined): Promise<Arch | undefined> {
  let built: Arch;
  try {
    built = (await readRecord(iso)).arch;
  } catch (error) {
    if (error instanceof ToolError && error.code === 'RECORD_MISSING') return asked;
    throw error;
  }
  if (asked === undefined || asked === built) return built;
  throw new ToolError(`booting ${iso}: it is built for ${built}, and --arch says ${asked}`, {
    code: 'ARCH_CONFLICT',
    kind: 'invalid-input',
    hint: 'leave out --arch',
  });
}

function exitCode(result: RunVmResult, note: (line: string) => void): number {
  switch (result.status) {
    case 'ready':
    case 'ended':
    case 'left':
      return EXIT.ok;
    case 'service-failed':
      note(`services that failed: ${result.ready.failed.join(', ')}`);
      return EXIT.serviceFailed;
    case 'crashed':
      note(`the virtual machine ended by itself: ${result.reason}`);
      return EXIT.notReady;
    case 'not-ready':
      note(`not ready: ${result.reason}`);
      return EXIT.notReady;
  }
}
