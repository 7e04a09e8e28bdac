import { join, resolve } from 'node:path';
import { invariant } from '../../shared/errors.ts';
import { IsoReader } from '../inspect/iso-reader.ts';
import type { Lock } from '../lock/lock.ts';
import { loadProject } from '../project.ts';
import { EXIT } from '../report/exit-code.ts';
import { openToolbox } from '../tools/toolbox.ts';
import { unpackTools } from '../tools/unpack-tools.ts';
import { type RunVmResult, runVm } from '../vm/run.ts';
import { buildProject } from './build.ts';
import { type BuildHostArguments, openBuildHost } from './build-host.ts';
import type { CommandContext } from './context.ts';

export interface RunArguments extends BuildHostArguments {
  readonly subject?: string | undefined;
  readonly memory: number;
  readonly cpus: number;
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

/** `slipway run`: boots an ISO, or a manifest's after building it. See docs/exit-codes.md for what it returns. */
export async function runVmCommand(context: CommandContext, args: RunArguments): Promise<number> {
  await using host = await openBuildHost(context, args);
  const subject = args.subject === undefined ? undefined : resolve(context.workingDirectory, args.subject);
  let iso: string;
  let lock: Lock;
  if (subject !== undefined && /\.iso$/i.test(subject)) {
    await (await IsoReader.open(subject))[Symbol.asyncDispose](); // told before anything is fetched
    iso = subject;
    lock = await host.resolveTools();
  } else {
    const manifests = args.subject === undefined ? [] : [args.subject];
    const project = await loadProject({
      ...context,
      manifests,
      allowHostFiles: args.allowHostFiles ?? false,
    });
    lock = await host.resolve(project, {});
    const { artifacts } = await buildProject(context, host, {
      project,
      lock,
      output: 'out',
      formats: ['iso'],
    });
    const made = artifacts.find(({ kind }) => kind === 'iso');
    invariant(made, 'the format iso makes an ISO');
    iso = made.path;
  }
  const inputs = host.inputs(lock);
  const packages = inputs.toolSet(`vm-${host.arch}`);
  await inputs.fetchPackages(packages);
  const toolbox = openToolbox({
    root: await unpackTools(host.store, packages, { signal: context.signal }),
    epoch: lock.epoch,
    arch: host.hostArch,
  });
  context.endReport();
  const result = await runVm({
    toolbox,
    arch: host.arch,
    nodeArch: context.nodeArch,
    boot: { kind: args.usb ? 'usb' : 'cd', file: iso },
    firmware: args.secureBoot ? 'secure-boot' : args.uefi || host.arch === 'arm64' ? 'uefi' : 'bios',
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
    note: line => void context.stderr.write(`slipway: ${line}\n`),
    signal: context.signal,
  });
  return exitCode(result, line => void context.stderr.write(`slipway: ${line}\n`));
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
    case 'not-ready':
      note(`not ready: ${result.reason}`);
      return EXIT.notReady;
  }
}
