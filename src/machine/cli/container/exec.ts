import type { ExecInspectBody } from '../../engine-api/bodies.ts';
import { collectEnvironment, readEnvironment } from '../environment.ts';
import { type Definition, collect } from '../flags.ts';
import { CommandFailure } from '../failure.ts';
import type { Session } from '../session.ts';
import { parseDetachKeys } from './detach-keys.ts';
import { containerPath } from './lifecycle.ts';
import { checkTerminal, runTerminal } from './terminal-session.ts';

interface ExecOptions {
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly detach?: boolean;
  readonly detachKeys?: string;
  readonly privileged?: boolean;
  readonly user?: string;
  readonly workdir?: string;
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
}

/** `exec`: runs a command in a container; its exit code is the command's. */
export const defineExec: Definition = (command, session) => {
  command.stopsAtOperand = true;
  command
    .operands('CONTAINER COMMAND [ARG...]', 2)
    .option('-d, --detach', 'run the command in the background')
    .option('--detach-keys <string>', 'keys that leave the command to itself')
    .option('-e, --env <list>', 'set an environment variable', collectEnvironment)
    .option('--env-file <list>', 'read environment variables from a file', collect)
    .option('-i, --interactive', 'keep stdin open')
    .option('--privileged', 'give extended privileges to the command')
    .option('-t, --tty', 'give the command a terminal')
    .option('-u, --user <string>', 'user name or id, with :group')
    .option('-w, --workdir <string>', 'working directory inside the container')
    .runs<ExecOptions>(session, ([container = '', ...words], options) =>
      exec(session, container, words, options),
    );
};

async function exec(
  session: Session,
  container: string,
  words: readonly string[],
  options: ExecOptions,
): Promise<number> {
  const { client, streams } = session;
  const { tty = false, detach = false } = options;
  const attachesStdin = options.interactive === true && !detach;
  const detachKeys = parseDetachKeys(options.detachKeys);
  const env = await readEnvironment(options.envFile, options.env, session.env);
  // A container that is not there is told before anything else, as Docker's client does.
  await client.request('GET', containerPath(container, '/json'));
  if (!detach) checkTerminal(session, attachesStdin, tty);
  const hasSize = tty && streams.stdout.isTTY;
  const size = hasSize ? { ConsoleSize: [streams.stdout.rows, streams.stdout.columns] } : {};
  const created = (await client.request('POST', containerPath(container, '/exec'), {
    body: {
      User: options.user ?? '',
      Privileged: options.privileged === true,
      Tty: tty,
      ...size,
      AttachStdin: attachesStdin,
      AttachStderr: !detach,
      AttachStdout: !detach,
      Detach: detach,
      DetachKeys: options.detachKeys ?? '',
      Env: env.length === 0 ? null : env,
      WorkingDir: options.workdir ?? '',
      Cmd: words,
    },
  })) as { readonly Id?: string };
  if (created.Id === undefined || created.Id === '') throw new CommandFailure(1, 'exec ID empty');
  const path = `/exec/${created.Id}`;
  if (detach) {
    await client.text('POST', `${path}/start`, { body: { Detach: true, Tty: tty, ...size } });
    return 0;
  }
  const { socket } = await client.hijack(`${path}/start`, { body: { Detach: false, Tty: tty, ...size } });
  const end = await runTerminal(session, socket, {
    tty,
    stdin: attachesStdin,
    detachKeys,
    resize: (rows, columns) =>
      client.request('POST', `${path}/resize`, { query: { h: String(rows), w: String(columns) } }),
  });
  if (end === 'detached') throw new CommandFailure(1, 'read escape sequence');
  const inspected = (await client.request('GET', `${path}/json`)) as ExecInspectBody;
  return inspected.ExitCode ?? 0;
}
