import { Command, CommanderError } from 'commander';
import { ToolError, messageOf } from '../../shared/errors.ts';
import { RUN } from '../../shared/paths.ts';
import { type DockerHttpClient, createHttpClient } from '../engine-client/http.ts';
import { dialStdio } from './dial-stdio.ts';
import { type ExecOptions, exec } from './exec.ts';
import { info } from './info.ts';
import { inspect } from './inspect.ts';
import { type LogsOptions, logs } from './logs.ts';
import { type PsOptions, ps } from './ps.ts';
import { type CliStreams, writeOut } from './terminal.ts';
import { version } from './version.ts';

/** What the command line needs from outside. */
export interface CliContext {
  readonly streams: CliStreams;
  readonly socketPath: string;
  readonly clock: () => number;
}

/** Docker's exit code for a failure of the client or the engine, where the command's own is expected. */
const EXEC_FAILED = 125;

/**
 * The `system-docker` command, with Docker's words and columns. Returns the exit code.
 * @param argv the words after the command's name
 */
export async function runSystemDockerCommand(
  argv: readonly string[],
  context: CliContext = { streams: process, socketPath: RUN.dockerSocket, clock: Date.now },
): Promise<number> {
  const result = { exitCode: 0, failure: 1 };
  const program = buildProgram(context, result);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return result.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    // Whoever reads our output has closed it: not worth a word.
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return 0;
    const isRefusal = error instanceof ToolError && error.code === 'ENGINE_REFUSED';
    await writeOut(
      context.streams.stderr,
      `${isRefusal ? 'Error response from daemon: ' : ''}${messageOf(error)}\n` +
        (error instanceof ToolError && error.hint !== undefined ? `hint: ${error.hint}\n` : ''),
    );
    return result.failure;
  }
}

function buildProgram(context: CliContext, result: { exitCode: number; failure: number }): Command {
  const { streams, clock } = context;
  const print = (text: string): Promise<void> => writeOut(streams.stdout, text);
  const program = new Command('system-docker');
  const client = (): DockerHttpClient => createHttpClient(socketOf(program, context));
  program
    .description('The engine that supervises the system services of this machine.')
    .option('-H, --host <unix://PATH>', 'socket to connect to')
    .exitOverride()
    .configureOutput({
      writeOut: text => streams.stdout.write(text),
      writeErr: text => streams.stderr.write(text),
    })
    .showHelpAfterError('(add --help for more)')
    .enablePositionalOptions();

  program
    .command('ps')
    .description('List containers')
    .option('-a, --all', 'show all containers (only running ones are shown otherwise)')
    .option('-q, --quiet', 'only display container IDs')
    .option('--no-trunc', "don't truncate output")
    .option('-l, --latest', 'show the latest created container')
    .option('-n, --last <count>', 'show that many last created containers')
    .option('-f, --filter <key=value...>', 'filter output, e.g. status=exited')
    .action(async (options: PsOptions) => print(await ps(client(), options, clock())));

  program
    .command('logs')
    .description('Fetch the logs of a container, of all its lives')
    .argument('<container>')
    .option('-f, --follow', 'follow log output')
    .option('-t, --timestamps', 'show timestamps')
    .option('-n, --tail <lines>', 'number of lines to show from the end of the logs', 'all')
    .option('--since <time>', 'show logs since that time (RFC 3339 or seconds since 1970)')
    .option('--until <time>', 'show logs before that time')
    .action((container: string, options: LogsOptions) => logs(client(), container, options, streams));

  program
    .command('exec')
    .description('Execute a command in a running container')
    .argument('<container>')
    .argument('<command...>')
    .option('-i, --interactive', 'keep stdin open')
    .option('-t, --tty', 'allocate a pseudo-TTY')
    .option('-d, --detach', 'run the command in the background')
    .option('-u, --user <user>', 'user name or id, with :group')
    .option('-w, --workdir <folder>', 'working directory inside the container')
    .option('-e, --env <name=value...>', 'set environment variables')
    .option('--privileged', 'give extended privileges to the command')
    .passThroughOptions()
    .action(async (container: string, command: readonly string[], options: ExecOptions) => {
      result.failure = EXEC_FAILED;
      result.exitCode = await exec(client(), container, command, options, streams);
    });

  program
    .command('inspect')
    .description('Return low-level information on containers')
    .argument('<container...>')
    .action(async (names: readonly string[]) => {
      const { text, missing } = await inspect(client(), names);
      await print(text);
      for (const line of missing) await writeOut(streams.stderr, `${line}\n`);
      if (missing.length > 0) result.exitCode = 1;
    });

  program
    .command('version')
    .description('Show the version information')
    .action(async () => print(await version(client())));

  program
    .command('info')
    .description('Display system-wide information')
    .action(async () => print(await info(client())));

  program
    .command('system')
    .description('Manage the engine')
    .addCommand(
      new Command('dial-stdio')
        .description('Connect stdin and stdout to the engine, for docker -H ssh://')
        .action(() => dialStdio(socketOf(program, context), streams)),
    );
  return program;
}

function socketOf(program: Command, context: CliContext): string {
  const { host } = program.opts<{ host?: string }>();
  if (host === undefined) return context.socketPath;
  if (!host.startsWith('unix://')) {
    throw new ToolError(`unable to use host "${host}": only unix:// sockets are supported`, {
      code: 'CLI_HOST_UNSUPPORTED',
      kind: 'invalid-input',
    });
  }
  return host.slice('unix://'.length);
}
