import type { EngineEvent, ContainerSummary } from '../engine-client/engine-client.ts';
import type { Log } from '../log.ts';
import { formatSummary } from './containers/summary.ts';
import type { CountedSet } from './counted-set.ts';
import type { EngineConfig } from './engine-config.ts';
import type { EventBus } from './event-bus.ts';
import type { EventHistory } from './event-history.ts';
import type { ExecTable } from './exec/exec-table.ts';
import type { RootLeases } from './files/root-leases.ts';
import type { HookTable } from './hooks/hook-table.ts';
import type { ImageCatalog } from './images/image-catalog.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import type { LogKeeper } from './logs/log-keeper.ts';
import type { ObjectEvent } from './object-events.ts';
import type { NetworkTable } from './networks/network-table.ts';
import type { SettingsKeeper } from './settings/settings-keeper.ts';
import type { StepListener } from './steps.ts';
import type { ContainerTable } from './store/container-table.ts';
import type { EnginePaths } from './store/engine-paths.ts';
import type { HealthKeeper } from './supervise/health-keeper.ts';
import type { MonitorWatch } from './supervise/monitor-watch.ts';
import type { OomWatch } from './supervise/oom-watch.ts';
import type { RestartTimers } from './supervise/restart-timers.ts';
import type { VolumeTable } from './volumes/volume-table.ts';

/** What every verb of the engine works with. */
export interface EngineContext {
  readonly config: EngineConfig;
  readonly settings: SettingsKeeper;
  readonly hooks: HookTable;
  readonly log: Log;
  readonly bootId: string;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Names what comes next, before it is done. */
  readonly step: StepListener;
  readonly paths: EnginePaths;
  readonly table: ContainerTable;
  readonly images: ImageCatalog;
  readonly volumes: VolumeTable;
  readonly networks: NetworkTable;
  readonly roots: RootLeases;
  /** What happens to containers, for the planner. */
  readonly events: EventBus<EngineEvent>;
  /** What happens to all objects, for Docker's clients. */
  readonly history: EventHistory<EngineEvent | ObjectEvent>;
  readonly queue: KeyedQueue;
  readonly monitors: MonitorWatch;
  readonly ooms: OomWatch;
  readonly timers: RestartTimers;
  readonly logs: LogKeeper;
  readonly execs: ExecTable;
  readonly health: HealthKeeper;
  /** Containers that are being stopped only to be started again: their end does not remove them. */
  readonly restarting: CountedSet<string>;
  /** Handles the end of a container's conmon; wired in engine.ts, since starting and ending need each other. */
  readonly onMonitorGone: (id: string) => void;
  /** Starts a container whose pause is over. */
  readonly onRestartDue: (id: string) => void;
}

/** A container as clients see it. */
export function summaryOf(context: EngineContext, id: string): ContainerSummary {
  return formatSummary(context.table.get(id));
}

/** Tells subscribers what happened to a container. */
export function publish(
  context: EngineContext,
  action: EngineEvent['action'],
  container: ContainerSummary,
  attributes?: EngineEvent['attributes'],
): void {
  const event = {
    action,
    container,
    timeMs: context.clock(),
    ...(attributes === undefined ? {} : { attributes }),
  };
  context.events.publish(event);
  // The planner's own actions have no counterpart in Docker.
  if (action !== 'restart-scheduled' && action !== 'gave-up') context.history.publish(event);
}
