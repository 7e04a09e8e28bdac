import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CgroupStats,
  type InterfaceStats,
  readCgroupStats,
  readInterfaces,
  readSystemCpu,
} from '../../host/cgroup-stats.ts';
import { readTotalMemory } from '../../host/cgroups.ts';
import { isRunning } from '../../host/processes.ts';
import type { EngineContext } from '../context.ts';
import { isLive } from '../store/container-record.ts';
import { cgroupFolderOf } from './cgroup-path.ts';

/** One look at what a running container has used. */
export interface StatsSample {
  readonly atMs: number;
  readonly cgroup: CgroupStats;
  readonly interfaces: readonly InterfaceStats[];
  readonly systemCpuNs: number;
  readonly onlineCpus: number;
  readonly totalMemoryBytes: number;
}

/** Two looks, one second apart; undefined where the container did not run or there was no earlier one. */
export interface Stats {
  readonly id: string;
  readonly name: string;
  readonly now: StatsSample | undefined;
  readonly before: StatsSample | undefined;
}

export interface StatsOptions {
  /** Goes on, one look a second, until abort or until the container is removed. */
  readonly stream: boolean;
  /** A single look, without an earlier one to compare with. */
  readonly oneShot: boolean;
  readonly signal: AbortSignal;
}

const PAUSE_MS = 1000;

/** Looks at a container for as long as someone reads. Throws CONTAINER_NOT_FOUND. */
export async function* containerStats(
  context: EngineContext,
  nameOrId: string,
  options: StatsOptions,
): AsyncGenerator<Stats, void> {
  const { id } = context.table.resolve(nameOrId);
  const { signal } = options;
  let before: StatsSample | undefined;
  const look = async (): Promise<Stats | undefined> => {
    const record = context.table.find(id);
    if (record === undefined) return undefined;
    const { state } = record;
    const now =
      isLive(state) && isRunning(state.process, context.bootId)
        ? await sample(context, cgroupFolderOf(context.config, record), state.process.pid)
        : undefined;
    const stats = { id, name: record.name, now, before };
    before = now;
    return stats;
  };
  try {
    const first = await look();
    if (first === undefined) return;
    // A share of the processor needs two looks.
    const needsTwo = !options.stream && !options.oneShot && first.now !== undefined;
    if (!needsTwo) yield first;
    if (!needsTwo && !options.stream) return;
    while (!signal.aborted) {
      await sleep(PAUSE_MS, undefined, { signal });
      const stats = await look();
      if (stats === undefined) return;
      yield stats;
      if (!options.stream) return;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

const NOTHING: CgroupStats = {
  cpu: {},
  memoryBytes: 0,
  memoryLimitBytes: undefined,
  memory: {},
  oomKills: 0,
  pids: 0,
  pidsLimit: undefined,
  io: [],
};

async function sample(context: EngineContext, cgroup: string | undefined, pid: number): Promise<StatsSample> {
  const [stats, interfaces, system] = await Promise.all([
    cgroup === undefined ? NOTHING : readCgroupStats(cgroup),
    readInterfaces(pid),
    readSystemCpu(),
  ]);
  return {
    atMs: context.clock(),
    cgroup: stats,
    interfaces,
    systemCpuNs: system.totalNs,
    onlineCpus: system.online,
    totalMemoryBytes: readTotalMemory(),
  };
}
