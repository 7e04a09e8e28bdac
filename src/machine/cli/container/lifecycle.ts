import { type Definition, parseInteger } from '../flags.ts';
import { CommandFailure, describeFault, forEachName, isNotFound } from '../failure.ts';
import type { Session } from '../session.ts';

const NAMES = 'CONTAINER [CONTAINER...]';

/** The path of a container's resource. */
export function containerPath(nameOrId: string, rest = ''): string {
  return `/containers/${encodeURIComponent(nameOrId)}${rest}`;
}

/** Asks for the same of all containers at once and prints the names of those that did it. */
async function eachContainer(
  session: Session,
  names: readonly string[],
  action: (path: string) => Promise<unknown>,
): Promise<void> {
  const once = async (name: string): Promise<string> => {
    await action(containerPath(name));
    return `${name}\n`;
  };
  await forEachName(session, names, once, { parallel: true });
}

interface StopOptions {
  readonly signal?: string;
  readonly time?: number;
}

/** `stop` */
export const defineStop: Definition = (command, session) => {
  defineStopping(command, session, 'stop');
};

/** `restart` */
export const defineRestart: Definition = (command, session) => {
  defineStopping(command, session, 'restart');
};

function defineStopping(
  command: Parameters<Definition>[0],
  session: Session,
  verb: 'stop' | 'restart',
): void {
  command
    .operands(NAMES, 1)
    .option('-s, --signal <string>', 'signal to send instead of the container’s own')
    .option('-t, --time <int>', 'seconds to wait before the container is killed', parseInteger)
    .runs<StopOptions>(session, (names, { signal, time }) =>
      eachContainer(session, names, path =>
        session.client.request('POST', `${path}/${verb}`, {
          query: { signal, t: time === undefined ? undefined : String(time) },
        }),
      ),
    );
}

/** `kill` */
export const defineKill: Definition = (command, session) => {
  command
    .operands(NAMES, 1)
    .option('-s, --signal <string>', 'signal to send (default: SIGKILL)')
    .runs<{ readonly signal?: string }>(session, (names, { signal }) =>
      eachContainer(session, names, path =>
        session.client.request('POST', `${path}/kill`, {
          query: { signal: signal === '' ? undefined : signal },
        }),
      ),
    );
};

/** `pause` */
export const definePause: Definition = (command, session) => {
  command
    .operands(NAMES, 1)
    .runs(session, names =>
      eachContainer(session, names, path => session.client.request('POST', `${path}/pause`)),
    );
};

/** `unpause` */
export const defineUnpause: Definition = (command, session) => {
  command
    .operands(NAMES, 1)
    .runs(session, names =>
      eachContainer(session, names, path => session.client.request('POST', `${path}/unpause`)),
    );
};

interface RemoveOptions {
  readonly force?: boolean;
  readonly link?: boolean;
  readonly volumes?: boolean;
}

/** `rm` */
export const defineRemove: Definition = (command, session) => {
  command
    .operands(NAMES, 1)
    .option('-f, --force', 'kill the container first when it runs')
    .option('-l, --link', 'remove the link of that name')
    .option('-v, --volumes', 'remove its anonymous volumes too')
    .runs<RemoveOptions>(session, async (names, options) => {
      const flag = (value: boolean | undefined): string | undefined => (value === true ? '1' : undefined);
      const query = { force: flag(options.force), link: flag(options.link), v: flag(options.volumes) };
      const remove = async (name: string): Promise<string | undefined> => {
        const path = containerPath(name.replace(/^\/+/, ''));
        try {
          await session.client.request('DELETE', path, { query });
        } catch (error) {
          if (options.force !== true || !isNotFound(error)) throw error;
          // What is to be gone is gone; it is said all the same.
          await session.printError(`${describeFault(error)}\n`);
          return undefined;
        }
        return `${name}\n`;
      };
      await forEachName(session, names, remove, { parallel: true });
    });
};

/** `rename` */
export const defineRename: Definition = (command, session) => {
  command.operands('CONTAINER NEW_NAME', 2, 2).runs(session, async ([container = '', name = '']) => {
    if (container.trim() === '' || name.trim() === '') {
      throw new CommandFailure(1, 'Error: Neither old nor new names may be empty');
    }
    try {
      await session.client.request('POST', containerPath(container.trim(), '/rename'), {
        query: { name: name.trim() },
      });
    } catch (error) {
      await session.printError(`${describeFault(error)}\n`);
      throw new CommandFailure(1, `Error: failed to rename container named ${container.trim()}`);
    }
  });
};

/** `wait` */
export const defineWait: Definition = (command, session) => {
  command.operands(NAMES, 1).runs(session, names =>
    forEachName(session, names, async name => {
      const answer = await session.client.request('POST', containerPath(name, '/wait'));
      return `${(answer as { readonly StatusCode: number }).StatusCode}\n`;
    }),
  );
};
