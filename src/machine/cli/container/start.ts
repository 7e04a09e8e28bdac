import { CommandFailure, describeFault } from '../failure.ts';
import type { Definition } from '../flags.ts';
import type { Session } from '../session.ts';
import type { AttachableContainer } from './attach.ts';
import { attachTo, waitForExit } from './attach-to.ts';
import { parseDetachKeys } from './detach-keys.ts';
import { containerPath } from './lifecycle.ts';
import { withSignals } from './proxy-signals.ts';
import { checkTerminal } from './terminal-session.ts';

interface StartOptions {
  readonly attach?: boolean;
  readonly interactive?: boolean;
  readonly detachKeys?: string;
}

/** `start` */
export const defineStart: Definition = (command, session) => {
  command
    .operands('CONTAINER [CONTAINER...]', 1)
    .option('-a, --attach', 'attach stdout and stderr, and send signals on')
    .option('--detach-keys <string>', 'keys that leave the container to itself')
    .option('-i, --interactive', 'attach stdin')
    .runs<StartOptions>(session, async (names, options) => {
      if (options.attach === true || options.interactive === true) {
        const [name = '', ...others] = names;
        if (others.length > 0) {
          throw new CommandFailure(1, 'you cannot start and attach multiple containers at once');
        }
        return startAttached(session, name, options);
      }
      return startAll(session, names);
    });
};

async function startAll(session: Session, names: readonly string[]): Promise<number> {
  const failed: string[] = [];
  for (const name of names) {
    try {
      await session.client.request('POST', containerPath(name, '/start'));
      await session.print(`${name}\n`);
    } catch (error) {
      await session.printError(`${describeFault(error)}\n`);
      failed.push(name);
    }
  }
  if (failed.length === 0) return 0;
  throw new CommandFailure(1, `Error: failed to start containers: ${failed.join(', ')}`);
}

async function startAttached(session: Session, name: string, options: StartOptions): Promise<number> {
  const { client } = session;
  const container = (await client.request('GET', containerPath(name, '/json'))) as AttachableContainer;
  const tty = container.Config.Tty === true;
  const stdin = options.interactive === true && container.Config.OpenStdin === true;
  checkTerminal(session, stdin, tty);
  return withSignals(session, container.Id, !tty, async () => {
    const attachment = await attachTo(session, container.Id, {
      stdin,
      stdout: true,
      stderr: true,
      tty,
      detachKeys: options.detachKeys,
      detachBytes: parseDetachKeys(options.detachKeys),
    });
    const condition = container.HostConfig?.AutoRemove === true ? 'removed' : 'next-exit';
    const watch = await waitForExit(session, container.Id, condition);
    try {
      await client.request('POST', containerPath(container.Id, '/start'));
    } catch (error) {
      attachment.close();
      watch.close();
      throw error;
    }
    await attachment.resize();
    if ((await attachment.end) === 'detached') {
      watch.close();
      return 0;
    }
    return (await watch.exit).code;
  });
}
