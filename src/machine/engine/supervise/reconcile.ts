import type { ContainerState } from '../store/container-record.ts';

/** What is found of a container when the engine comes back. */
export interface Observation {
  readonly status: ContainerState['status'];
  readonly starting: boolean;
  readonly sameBoot: boolean;
  /** conmon of the record still runs. */
  readonly monitorAlive: boolean;
  /** conmon left an exit code of this life. */
  readonly hasExitFile: boolean;
  readonly policy: 'no' | 'on-failure' | 'always' | 'unless-stopped';
  readonly stopRequested: boolean;
}

/** What is done about it. */
export type ReconcileAction =
  /** It runs, and goes on. */
  | 'adopt'
  /** It ended while nobody looked: handle the exit as usual. */
  | 'handle-exit'
  /** conmon is gone without a word: kill what is left, then handle the exit. */
  | 'kill-and-handle-exit'
  /** A start was cut off: undo it; nobody was told that it runs. */
  | 'undo-start'
  /** Undo the cut-off start of a restart, and try again. */
  | 'undo-and-retry'
  /** A pause before a restart was cut off: go on waiting. */
  | 'await-restart'
  /** It ran when the machine went down: only the record has to say so. */
  | 'mark-lost'
  /** It ran when the machine went down, and its policy wants it back. */
  | 'start-after-boot'
  | 'nothing';

/** Decides what to do with a container of an earlier engine, or of an earlier boot. */
export function planReconcile(seen: Observation): ReconcileAction {
  const wasLive = seen.status === 'running' || seen.status === 'paused' || seen.status === 'restarting';
  if (!seen.sameBoot) {
    // As Docker has it: a boot brings `always` back even if it was stopped by hand, `unless-stopped` not.
    const comesBack =
      (seen.policy === 'always' || (seen.policy === 'unless-stopped' && !seen.stopRequested)) &&
      (wasLive || seen.status === 'exited');
    if (comesBack) return 'start-after-boot';
    return wasLive || seen.starting ? 'mark-lost' : 'nothing';
  }
  if (seen.starting) return seen.status === 'restarting' ? 'undo-and-retry' : 'undo-start';
  switch (seen.status) {
    case 'running':
    case 'paused':
      if (seen.hasExitFile) return 'handle-exit';
      return seen.monitorAlive ? 'adopt' : 'kill-and-handle-exit';
    case 'restarting':
      return 'await-restart';
    case 'created':
    case 'exited':
      return 'nothing';
  }
}
