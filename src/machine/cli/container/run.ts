import { describeFault, CommandFailure } from '../failure.ts';
import type { Definition, DockerCommand } from '../flags.ts';
import type { Session } from '../session.ts';
import { type Attachment, attachTo, waitForExit } from './attach-to.ts';
import { asUsage, checkPull, createContainer } from './create.ts';
import { createBody } from './create-body.ts';
import { type CreateOptions, declareCreateFlags } from './create-flags.ts';
import { parseDetachKeys } from './detach-keys.ts';
import { containerPath } from './lifecycle.ts';
import { withSignals } from './proxy-signals.ts';
import { checkTerminal } from './terminal-session.ts';

interface RunOptions extends CreateOptions {
  readonly detach?: boolean;
  readonly detachKeys?: string;
  readonly sigProxy: boolean;
}

/** `run`: the exit code is the container's; 125 when the engine refuses, 126 and 127 when the command cannot run. */
export const defineRun: Definition = (command, session) => {
  command.stopsAtOperand = true;
  command.operands('IMAGE [COMMAND] [ARG...]', 1);
  declareCreateFlags(command);
  command
    .option('-d, --detach', 'run in the background and print the id')
    .option('--detach-keys <string>', 'keys that leave the container to itself')
    .option('--sig-proxy', 'send signals on to the container', true)
    .runs<RunOptions>(session, ([image = '', ...words], options) =>
      run(command, session, image, words, options),
    );
};

async function run(
  command: DockerCommand,
  session: Session,
  image: string,
  words: readonly string[],
  options: RunOptions,
): Promise<number> {
  const detach = options.detach === true;
  const tty = options.tty === true;
  const body = await asUsage(command, async () => {
    check(options, detach);
    const made = (await createBody(image, words, options, session.env)) as Readonly<Record<string, boolean>>;
    if (!detach) return { ...made, ...terminalSize(session, tty, made) };
    return { ...made, AttachStdin: false, AttachStdout: false, AttachStderr: false, StdinOnce: false };
  });
  const wants = body as unknown as {
    readonly AttachStdin: boolean;
    readonly AttachStdout: boolean;
    readonly AttachStderr: boolean;
  };
  const detachBytes = parseDetachKeys(options.detachKeys);
  if (!detach) checkTerminal(session, wants.AttachStdin, tty);
  const fail = (error: unknown, exitCode: number): CommandFailure =>
    new CommandFailure(
      exitCode,
      `system-docker: ${describeFault(error).replace(/\.$/, '')}.\nSee '${command.path} --help'.`,
    );
  let id: string;
  try {
    id = await createContainer(session, body, image, options);
  } catch (error) {
    throw fail(error, 125);
  }
  const attaches = !detach && (wants.AttachStdin || wants.AttachStdout || wants.AttachStderr);
  return withSignals(session, id, options.sigProxy && !detach && !tty, async () => {
    let attachment: Attachment | undefined;
    if (attaches) {
      attachment = await attachTo(session, id, {
        stdin: wants.AttachStdin,
        stdout: wants.AttachStdout,
        stderr: wants.AttachStderr,
        tty,
        detachKeys: options.detachKeys,
        detachBytes,
      });
    }
    const watch = await waitForExit(session, id, options.rm === true ? 'removed' : 'next-exit');
    try {
      await session.client.request('POST', containerPath(id, '/start'));
    } catch (error) {
      attachment?.close();
      // With --rm the engine removes it now; a script may want the name again.
      if (options.rm === true) await watch.exit.catch(() => undefined);
      watch.close();
      const reason = describeFault(error);
      throw new CommandFailure(startFailureCode(reason), `system-docker: ${reason.replace(/\.$/, '')}.`);
    }
    if (attachment === undefined) {
      watch.close();
      await session.print(`${id}\n`);
      return 0;
    }
    await attachment.resize();
    if ((await attachment.end) === 'detached') {
      watch.close();
      return 0;
    }
    return (await watch.exit).code;
  });
}

function check(options: RunOptions, detach: boolean): void {
  checkPull(options.pull);
  if (options.rm === true && !['no', '', undefined].includes(options.restart)) {
    throw new CommandFailure(125, 'Conflicting options: --restart and --rm');
  }
  if (detach && (options.attach ?? []).length > 0) {
    throw new CommandFailure(125, 'Conflicting options: -a and -d');
  }
}

/** A container with a terminal is told its size before it starts. */
function terminalSize(session: Session, tty: boolean, body: Readonly<Record<string, unknown>>): object {
  const { stdout } = session.streams;
  if (!tty || !stdout.isTTY) return {};
  const host = body.HostConfig as object;
  return { HostConfig: { ...host, ConsoleSize: [stdout.rows, stdout.columns] } };
}

/** 127: there is no such command; 126: it cannot be executed; 125: the engine's own fault. */
export function startFailureCode(message: string): 125 | 126 | 127 {
  if (
    /executable file .*not found|no such file or directory|system cannot find the file specified/i.test(
      message,
    )
  ) {
    return 127;
  }
  return /permission denied|is a directory/i.test(message) ? 126 : 125;
}
