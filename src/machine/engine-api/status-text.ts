/** What `docker ps` shows in its STATUS column, from a container's state. */
export type StatusInput =
  | { readonly status: 'created' }
  | {
      readonly status: 'running' | 'paused';
      readonly startedAtMs: number;
    }
  | {
      readonly status: 'restarting' | 'exited';
      readonly exitCode: number;
      readonly finishedAtMs: number;
    };

/**
 * `Up 3 seconds`, `Exited (0) 2 hours ago`, in Docker's words.
 * @param health of a container that has a check
 */
export function formatStatus(state: StatusInput, nowMs: number, health?: string): string {
  switch (state.status) {
    case 'created':
      return 'Created';
    case 'running':
      return `Up ${formatHumanDuration(nowMs - state.startedAtMs)}${formatHealth(health)}`;
    case 'paused':
      return `Up ${formatHumanDuration(nowMs - state.startedAtMs)} (Paused)`;
    case 'restarting':
      return `Restarting (${state.exitCode}) ${formatHumanDuration(nowMs - state.finishedAtMs)} ago`;
    case 'exited':
      return `Exited (${state.exitCode}) ${formatHumanDuration(nowMs - state.finishedAtMs)} ago`;
  }
}

function formatHealth(health: string | undefined): string {
  if (health === undefined) return '';
  return health === 'starting' ? ' (health: starting)' : ` (${health})`;
}

/** A rough duration as Docker words it: `Less than a second`, `About a minute`, `3 weeks`. */
export function formatHumanDuration(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(seconds / 3600 + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}
