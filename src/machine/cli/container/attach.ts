import { CommandFailure } from '../failure.ts';
import type { Definition } from '../flags.ts';
import { attachTo, waitForExit } from './attach-to.ts';
import { parseDetachKeys } from './detach-keys.ts';
import { containerPath } from './lifecycle.ts';
import { withSignals } from './proxy-signals.ts';
import { checkTerminal } from './terminal-session.ts';

interface AttachOptions {
  readonly detachKeys?: string;
  readonly stdin: boolean;
  readonly sigProxy: boolean;
}

/** A container of GET /containers/{id}/json, as far as attaching needs it. */
export interface AttachableContainer {
  readonly Id: string;
  readonly Config: { readonly Tty?: boolean; readonly OpenStdin?: boolean };
  readonly State: {
    readonly Running?: boolean;
    readonly Paused?: boolean;
    readonly Restarting?: boolean;
    readonly ExitCode?: number;
  };
  readonly HostConfig?: { readonly AutoRemove?: boolean };
}

/** `attach` */
export const defineAttach: Definition = (command, session) => {
  command
    .operands('CONTAINER', 1, 1)
    .option('--detach-keys <string>', 'keys that leave the container to itself')
    .option('--no-stdin', 'do not attach stdin')
    .option('--sig-proxy', 'send signals on to the container', true)
    .runs<AttachOptions>(session, async ([container = ''], options) => {
      const { client } = session;
      const inspect = async (): Promise<AttachableContainer> => {
        const found = (await client.request('GET', containerPath(container, '/json'))) as AttachableContainer;
        if (found.State.Running !== true) {
          throw new CommandFailure(1, 'You cannot attach to a stopped container, start it first');
        }
        if (found.State.Paused === true) {
          throw new CommandFailure(1, 'You cannot attach to a paused container, unpause it first');
        }
        if (found.State.Restarting === true) {
          throw new CommandFailure(
            1,
            'You cannot attach to a restarting container, wait until it is running',
          );
        }
        return found;
      };
      const { Config } = await inspect();
      const tty = Config.Tty === true;
      const stdin = options.stdin && Config.OpenStdin === true;
      checkTerminal(session, stdin, tty);
      const watch = await waitForExit(session, container, undefined);
      return withSignals(session, container, options.sigProxy && !tty, async () => {
        const attachment = await attachTo(session, container, {
          stdin,
          stdout: true,
          stderr: true,
          tty,
          detachKeys: options.detachKeys,
          detachBytes: parseDetachKeys(options.detachKeys),
        });
        await attachment.resize();
        if ((await attachment.end) === 'detached') {
          watch.close();
          throw new CommandFailure(1, 'read escape sequence');
        }
        const { code, message } = await watch.exit;
        if (message !== '') throw new CommandFailure(1, message);
        return code;
      });
    });
};
