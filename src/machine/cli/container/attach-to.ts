import type { Session } from '../session.ts';
import { containerPath } from './lifecycle.ts';
import { runTerminal } from './terminal-session.ts';

export interface AttachPlan {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
  /** As given, for the engine; it looks for them too. */
  readonly detachKeys: string | undefined;
  readonly detachBytes: Buffer;
}

/** An open attachment: its streams run from now on. */
export interface Attachment {
  readonly end: Promise<'ended' | 'detached'>;
  /** Tells the container the size of this terminal. */
  resize(): Promise<void>;
  /** Lets go of the connection, so that the end comes. */
  close(): void;
}

/** Connects this terminal to a container, before it is started or while it runs. */
export async function attachTo(session: Session, container: string, plan: AttachPlan): Promise<Attachment> {
  const { client, streams } = session;
  const flag = (value: boolean): string | undefined => (value ? '1' : undefined);
  const { socket } = await client.hijack(containerPath(container, '/attach'), {
    query: {
      stream: '1',
      stdin: flag(plan.stdin),
      stdout: flag(plan.stdout),
      stderr: flag(plan.stderr),
      detachKeys: plan.detachKeys === '' ? undefined : plan.detachKeys,
    },
  });
  const resize = (rows: number, columns: number): Promise<unknown> =>
    client.request('POST', containerPath(container, '/resize'), {
      query: { h: String(rows), w: String(columns) },
    });
  const end = runTerminal(session, socket, {
    tty: plan.tty,
    stdin: plan.stdin,
    detachKeys: plan.detachBytes,
    resize,
  });
  end.catch(() => undefined);
  return {
    end,
    close: () => void socket.destroy(),
    async resize() {
      if (!plan.tty || !streams.stdout.isTTY) return;
      // The container may have ended already.
      await resize(streams.stdout.rows, streams.stdout.columns).catch(() => undefined);
    },
  };
}

/**
 * Waits for a container's exit. The outer promise is kept when the engine has begun to watch, so that a start after
 * it cannot be missed; the inner one when the container has exited.
 */
export async function waitForExit(
  { client }: Session,
  container: string,
  condition: 'next-exit' | 'removed' | undefined,
): Promise<ExitWatch> {
  const response = await client.stream('POST', containerPath(container, '/wait'), { query: { condition } });
  const exit = readExit(response);
  exit.catch(() => undefined);
  return { exit, close: () => void response.destroy() };
}

/** A wait that is going on. A process ends only when it is over or closed. */
export interface ExitWatch {
  readonly exit: Promise<ContainerExit>;
  close(): void;
}

export interface ContainerExit {
  readonly code: number;
  /** Why the engine could not wait; empty as a rule. */
  readonly message: string;
}

async function readExit(response: AsyncIterable<Buffer>): Promise<ContainerExit> {
  let text = '';
  for await (const chunk of response) text += chunk.toString('utf8');
  const { StatusCode, Error } = JSON.parse(text) as {
    readonly StatusCode: number;
    readonly Error?: { readonly Message?: string } | null;
  };
  return { code: StatusCode, message: Error?.Message ?? '' };
}
