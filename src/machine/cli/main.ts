import { CommanderError } from 'commander';
import { ToolError } from '../../shared/errors.ts';
import { RUN } from '../../shared/paths.ts';
import { type DockerHttpClient, createHttpClient } from '../engine-client/http.ts';
import { CommandFailure, describeFault, isBrokenPipe } from './failure.ts';
import { buildProgram } from './program.ts';
import type { Session } from './session.ts';
import { type CliStreams, presentable, writeOut } from './terminal.ts';

/** What the command line needs from outside. */
export interface CliContext {
  readonly streams: CliStreams;
  readonly socketPath: string;
  readonly clock: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The environment of whoever called: init/run-node hides it from the runtime and hands it over as the text that
 * `env` prints. A line that begins no variable goes on with the value before it.
 */
export function callerEnvironment(env: NodeJS.ProcessEnv): Readonly<Record<string, string | undefined>> {
  const { SLIPWAY_CALLER: text } = env;
  if (text === undefined || text === '') return env;
  const variables: Record<string, string> = {};
  let last: string | undefined;
  for (const line of text.split('\n')) {
    const [, name, value = ''] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(line) ?? [];
    last = name ?? last;
    if (last !== undefined)
      variables[last] = name === undefined ? `${variables[last] ?? ''}\n${line}` : value;
  }
  return variables;
}

/**
 * The `system-docker` command, with Docker's words and columns. Returns the exit code.
 * @param argv the words after the command's name
 */
export async function runSystemDockerCommand(
  argv: readonly string[],
  context: CliContext = {
    streams: process,
    socketPath: RUN.dockerSocket,
    clock: Date.now,
    env: callerEnvironment(process.env),
  },
): Promise<number> {
  let exitCode = 0;
  const { streams } = context;
  const session: Session = {
    get client() {
      return client();
    },
    streams,
    clock: context.clock,
    env: context.env,
    print: text => writeOut(streams.stdout, presentable(text, streams.stdout)),
    printError: text => writeOut(streams.stderr, presentable(text, streams.stderr)),
    finish: code => void (exitCode = code),
  };
  const program = buildProgram(session);
  let opened: DockerHttpClient | undefined;
  const client = (): DockerHttpClient => (opened ??= createHttpClient(socketOf(program.opts(), context)));
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    // Whoever reads our output has closed it: not worth a word.
    if (isBrokenPipe(error)) return 0;
    const text = error instanceof CommandFailure ? error.message : describeFault(error);
    if (text !== '') await writeOut(streams.stderr, presentable(`${text}\n`, streams.stderr));
    return error instanceof CommandFailure ? error.exitCode : 1;
  } finally {
    // The engine keeps idle connections, and one with an answer that was not read to its end would keep this process.
    opened?.close();
  }
}

function socketOf(options: { readonly host?: string }, context: CliContext): string {
  const host = options.host ?? context.env.DOCKER_HOST ?? '';
  if (host === '') return context.socketPath;
  if (!host.startsWith('unix://')) {
    throw new ToolError(`unable to use host "${host}": only unix:// sockets are supported`, {
      code: 'CLI_HOST_UNSUPPORTED',
      kind: 'invalid-input',
    });
  }
  return host.slice('unix://'.length);
}
