/**
 * `slipway`: the composition root of the build host, the only reader of argv and environment. Each
 * command's code is loaded when it is asked for.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { BuildArguments } from './cli/build.ts';
import type { CheckArguments } from './cli/check.ts';
import type { CommandContext } from './cli/context.ts';
import type { InspectArguments } from './cli/inspect.ts';
import type { LockArguments } from './cli/lock.ts';
import type { RunArguments } from './cli/run.ts';
import { formatError } from './report/error.ts';
import { EXIT, exitCodeOf } from './report/exit-code.ts';
import type { Reporter, ReportTarget } from './report/reporter.ts';

/** Sources stand in src/build, the bundle in dist/build: the package's root is two folders up from both. */
const packageRoot = join(import.meta.dirname, '..', '..');

const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (abort.signal.aborted) process.exit(EXIT.interrupted);
    abort.abort();
  });
}
// A reader that has gone away (`slipway inspect | head`) is no fault; what still runs ends in good order.
let isReaderGone = false;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  isReaderGone = error.code === 'EPIPE';
  abort.abort(isReaderGone ? undefined : error);
});
// Nobody reads the progress; the result may still be wanted.
process.stderr.on('error', () => undefined);

async function createReporter(): Promise<Reporter> {
  const target: ReportTarget = {
    write: text => process.stderr.write(text),
    columns: () => process.stderr.columns || 80,
    now: () => performance.now(),
  };
  if (process.stderr.isTTY && process.env.TERM !== 'dumb' && !process.env.CI) {
    return (await import('./report/tty.ts')).createTtyReporter(target);
  }
  return (await import('./report/plain.ts')).createPlainReporter(target);
}

async function runCommand(action: (context: CommandContext) => Promise<number | undefined>): Promise<void> {
  const reporter = await createReporter();
  try {
    process.exitCode =
      (await action({
        packageRoot,
        version: packageVersion(),
        workingDirectory: process.cwd(),
        environment: process.env,
        nodeArch: process.arch,
        stdin: process.stdin,
        stdout: process.stdout,
        stderr: process.stderr,
        signal: abort.signal,
        emit: reporter.emit,
        endReport: () => reporter.close(),
      })) ?? EXIT.ok;
  } catch (thrown) {
    // What a stage throws when it is interrupted may be a tool's complaint about the signal.
    const error: unknown = abort.signal.aborted ? abort.signal.reason : thrown;
    reporter.close();
    if (!isReaderGone) process.stderr.write(formatError(error));
    process.exitCode = isReaderGone ? EXIT.ok : exitCodeOf(error);
  } finally {
    reporter.close();
  }
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('it takes a whole number from 1 up.');
  return Number(text);
}

const repeatable = (value: string, earlier: string[] = []): string[] => [...earlier, value];
const commaList = (value: string, earlier: string[] = []): string[] => [
  ...earlier,
  ...value.split(',').filter(Boolean),
];

const program = new Command('slipway')
  .description('Builds minimal container operating systems: one YAML manifest in, bootable media out.')
  .version(packageVersion(), '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print help for a command')
  .configureHelp({ showGlobalOptions: false })
  .showSuggestionAfterError()
  .exitOverride(error => {
    process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
  })
  .addHelpText(
    'after',
    `
Start here:
  $ slipway init my-os && cd my-os
  $ slipway run            build slipway.yml and boot it here (Ctrl-A X leaves)

Exit codes: 0 done, 64 wrong usage, 65 invalid input, 66 not found, 69 mirror or registry unavailable,
70 a bug, 73 the lock would change, 74 read or write failed, 76 integrity check failed, 77 not allowed, 78 this
computer lacks something, 130 interrupted. "slipway run": 1 not ready, 2 a service failed. See docs/exit-codes.md.`,
  );

const mirrorOption = new Option(
  '--mirror <url|folder>',
  'where Debian packages come from, before what the computer itself uses; repeatable',
).argParser(repeatable);
const archOption = new Option('--arch <arch>', 'architecture of the image').choices(['amd64', 'arm64']);

program
  .command('init')
  .argument('[dir]', 'folder to make it in', '.')
  .description('write a starter manifest that builds, with comments that teach')
  .action((dir: string) =>
    runCommand(async context => (await import('./cli/init.ts')).initCommand(context, { dir })),
  );

program
  .command('build')
  .argument('[manifest...]', 'manifests, merged in order (default: slipway.yml)')
  .description('build everything from manifest to artifacts; writes or honours the lock beside the manifest')
  .option('-o, --output <dir>', 'folder for the artifacts', 'out')
  .option('-f, --format <formats>', 'comma list of iso, kernel+initrd (default: iso)', commaList)
  .addOption(archOption)
  .option('--locked', 'fail if the lock would change')
  .option('--offline', 'use the store alone, no network')
  .addOption(mirrorOption)
  .option('--allow-host-files', "let `files: source:` name files outside the manifest's folder")
  .option('--json', 'print the result as JSON')
  .action((manifests: string[], options: Omit<BuildArguments, 'manifests'>) =>
    runCommand(async context =>
      (await import('./cli/build.ts')).buildCommand(context, { manifests, ...options }),
    ),
  );

program
  .command('lock')
  .argument('[manifest...]', 'manifests, merged in order (default: slipway.yml)')
  .description('resolve only; prints what changed (old -> new)')
  .option(
    '--update [name...]',
    'choose the newest versions again: of everything, or of the named packages and images',
  )
  .addOption(archOption)
  .addOption(mirrorOption)
  .option('--allow-host-files', "let `files: source:` name files outside the manifest's folder")
  .action((manifests: string[], options: Omit<LockArguments, 'manifests'>) =>
    runCommand(async context =>
      (await import('./cli/lock.ts')).lockCommand(context, { manifests, ...options }),
    ),
  );

program
  .command('check')
  .argument('[manifest...]', 'manifests, merged in order (default: slipway.yml)')
  .description('validate only: every fault at once, with file, line, column and a suggestion')
  .option('--allow-host-files', "let `files: source:` name files outside the manifest's folder")
  .action((manifests: string[], options: Omit<CheckArguments, 'manifests'>) =>
    runCommand(async context =>
      (await import('./cli/check.ts')).checkCommand(context, { manifests, ...options }),
    ),
  );

program
  .command('run')
  .argument('[iso|manifest...]', 'an ISO, or manifests that are built first (default: slipway.yml)')
  .description('boot it in QEMU with the serial console on this terminal; Ctrl-A X leaves')
  .option('-m, --memory <MB>', "the machine's memory", positiveInteger, 1024)
  .option('--cpus <n>', 'number of processors', positiveInteger, 2)
  .addOption(new Option('--bios', 'boot with a PC BIOS (default on amd64)').conflicts(['uefi', 'secureBoot']))
  .addOption(new Option('--uefi', 'boot with UEFI firmware').conflicts(['bios', 'secureBoot']))
  .addOption(new Option('--secure-boot', 'boot with UEFI and Secure Boot on').conflicts(['bios', 'uefi']))
  .option(
    '-p, --publish <host:guest>',
    "forward a port of this computer to the machine's; repeatable",
    repeatable,
  )
  .option(
    '--disk <file|size>',
    'attach a disk: a file, or a size such as 2G for a fresh one; repeatable',
    repeatable,
  )
  .option('--cloud-config <file>', 'add this cloud-config to the seed; docs/manifest.md lists its keys')
  .option('--no-seed', 'give the machine no seed: no key and no console login')
  .option('--usb', 'attach the ISO as a USB stick instead of a CD')
  .addOption(
    new Option('--accel <how>', 'hardware virtualisation').choices(['auto', 'kvm', 'tcg']).default('auto'),
  )
  .addOption(new Option('--until <what>', 'power off once the machine is ready').choices(['ready']))
  .option('--timeout <seconds>', 'with --until: give up after this time', positiveInteger)
  .option('--headless', 'do not connect the keyboard; print the console only')
  .addOption(archOption)
  .option('--locked', 'fail if the lock would change')
  .option('--offline', 'use the store alone, no network')
  .addOption(mirrorOption)
  .option('--allow-host-files', "let `files: source:` name files outside the manifest's folder")
  .action((subjects: string[], options: Omit<RunArguments, 'subjects'>, command: Command) => {
    if (options.timeout !== undefined && options.until === undefined)
      command.error("error: option '--timeout' needs '--until'");
    return runCommand(async context =>
      (await import('./cli/run.ts')).runVmCommand(context, { subjects, ...options }),
    );
  });

program
  .command('inspect')
  .argument('<artifact|manifest...>', 'an artifact made by slipway, or manifests with their lock')
  .description('what is inside: kernel, services, packages with versions, sizes by service')
  .option('--json', 'print it as JSON')
  .action((subjects: string[], options: Omit<InspectArguments, 'subjects'>) =>
    runCommand(async context =>
      (await import('./cli/inspect.ts')).inspectCommand(context, { subjects, ...options }),
    ),
  );

program
  .command('store')
  .addArgument(
    program
      .createArgument(
        '<action>',
        'path: print its folder; size: what it holds; prune: remove what is not used',
      )
      .choices(['path', 'size', 'prune']),
  )
  .description('the store of verified inputs and cached results, shared by all projects of a user')
  .option('--older-than <days>', 'prune: what was not used for this many days (default: 30)', positiveInteger)
  .addOption(new Option('--all', 'prune: everything that no running build uses').conflicts('olderThan'))
  .action((action: 'path' | 'size' | 'prune', options: { olderThan?: number; all?: boolean }) =>
    runCommand(async context =>
      (await import('./cli/store.ts')).storeCommand(context, { action, ...options }),
    ),
  );

await program.parseAsync();
