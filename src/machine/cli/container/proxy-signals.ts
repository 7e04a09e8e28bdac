import type { Session } from '../session.ts';
import { containerPath } from './lifecycle.ts';

const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGCONT'] as const;

/**
 * Sends what this process is signalled to the container's first process, while `action` goes on.
 * @param isOn without it, signals are this process's own
 */
export async function withSignals<T>(
  { client }: Session,
  container: string,
  isOn: boolean,
  action: () => Promise<T>,
): Promise<T> {
  const forward = (signal: NodeJS.Signals): void => {
    const query = { signal: signal.replace(/^SIG/, '') };
    // A container that has just ended has nobody to signal.
    client.request('POST', containerPath(container, '/kill'), { query }).catch(() => undefined);
  };
  const signals = isOn ? FORWARDED : [];
  for (const signal of signals) process.on(signal, forward);
  try {
    return await action();
  } finally {
    for (const signal of signals) process.off(signal, forward);
  }
}
