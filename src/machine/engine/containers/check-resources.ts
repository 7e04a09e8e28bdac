import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { MIN_MEMORY_BYTES } from '../../../shared/service/definition.ts';
import type { ResourceConfig } from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';

/** What of limits this machine can keep. */
export interface LimitSupport {
  /** cgroup controllers are there. */
  readonly limits: boolean;
  /** Processors and memory nodes that are online, as the kernel lists them: `0-3`. */
  readonly cpus: string;
  readonly mems: string;
}

const MAX_CPU_INDEX = 8191;

/** Reads what the machine has. */
export function readLimitSupport(limits: boolean): LimitSupport {
  const read = (path: string, otherwise: string): string => {
    try {
      return readFileSync(path, 'utf8').trim() || otherwise;
    } catch {
      return otherwise;
    }
  };
  return {
    limits,
    cpus: read('/sys/devices/system/cpu/online', `0-${availableParallelism() - 1}`),
    // A kernel without NUMA has one node.
    mems: read('/sys/devices/system/node/online', '0'),
  };
}

/**
 * Checks limits as Docker does. Returns what is asked for in vain, in Docker's sentences.
 * Throws ENGINE_INVALID_PARAMETER.
 */
export function checkResources(asked: ResourceConfig, support: LimitSupport): string[] {
  checkMemory(asked);
  checkCpu(asked);
  checkSet(asked.CpusetCpus, support.cpus, 'CPUs', 'cpus');
  checkSet(asked.CpusetMems, support.mems, 'memory nodes', 'mems');
  const weights = [asked.BlkioWeight ?? 0, ...(asked.BlkioWeightDevice ?? []).map(({ Weight }) => Weight)];
  if (weights.some(weight => weight !== 0 && (weight < 10 || weight > 1000))) {
    throw invalidParameter('Range of blkio weight is from 10 to 1000');
  }
  for (const { Name, Soft, Hard } of asked.Ulimits ?? []) {
    if (
      !/^(RLIMIT_)?[a-z]{1,16}$/i.test(Name) ||
      !RLIMITS.includes(Name.replace(/^RLIMIT_/i, '').toLowerCase())
    ) {
      throw invalidParameter(`invalid ulimit type: ${Name}`);
    }
    if (Hard !== -1 && (Soft === -1 || Soft > Hard)) {
      throw invalidParameter(
        `ulimit soft limit must be less than or equal to hard limit: soft limit: ${Soft}, hard limit: ${Hard}`,
      );
    }
  }
  return [...vainLimits(asked), ...(support.limits ? [] : discarded(asked))];
}

/** Checks what no machine can keep. Throws ENGINE_INVALID_PARAMETER. */
export function checkServiceLimits(asked: ResourceConfig): void {
  const memory = asked.Memory ?? 0;
  checkMemory({ ...asked, ...(memory === 0 ? { MemorySwap: 0 } : {}) });
}

const RLIMITS: readonly string[] =
  'as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(
    ' ',
  );

function checkMemory({
  Memory = 0,
  MemorySwap = 0,
  MemoryReservation = 0,
  MemorySwappiness = -1,
}: ResourceConfig): void {
  if (Memory < 0 || MemoryReservation < 0 || MemorySwap < -1) throw invalidParameter('Invalid memory limit');
  if (Memory !== 0 && Memory < MIN_MEMORY_BYTES) {
    throw invalidParameter('Minimum memory limit allowed is 6MB');
  }
  if (Memory > 0 && MemorySwap > 0 && MemorySwap < Memory) {
    throw invalidParameter('Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (Memory === 0 && MemorySwap > 0) {
    throw invalidParameter('You should always set the Memory limit when using Memoryswap limit, see usage');
  }
  if (MemorySwappiness < -1 || MemorySwappiness > 100) {
    throw invalidParameter(`Invalid value: ${MemorySwappiness}, valid memory swappiness range is 0-100`);
  }
  if (MemoryReservation > 0 && MemoryReservation < MIN_MEMORY_BYTES) {
    throw invalidParameter('Minimum memory reservation allowed is 6MB');
  }
  if (Memory > 0 && MemoryReservation > 0 && Memory < MemoryReservation) {
    throw invalidParameter('Minimum memory limit can not be less than memory reservation limit, see usage');
  }
}

function checkCpu({ NanoCpus = 0, CpuPeriod = 0, CpuQuota = 0 }: ResourceConfig): void {
  if (NanoCpus > 0 && CpuPeriod > 0) {
    throw invalidParameter('Conflicting options: Nano CPUs and CPU Period cannot both be set.');
  }
  if (NanoCpus > 0 && CpuQuota > 0) {
    throw invalidParameter('Conflicting options: Nano CPUs and CPU Quota cannot both be set.');
  }
  const count = availableParallelism();
  if (NanoCpus < 0 || NanoCpus > count * 1e9) {
    throw invalidParameter(
      `range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`,
    );
  }
  if (CpuPeriod !== 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000)) {
    throw invalidParameter(
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
    );
  }
  if (CpuQuota > 0 && CpuQuota < 1000) {
    throw invalidParameter('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  }
}

function checkSet(asked: string | undefined, available: string, what: string, name: string): void {
  if (asked === undefined || asked === '') return;
  const wanted = parseIndexes(asked);
  if (wanted === undefined) throw invalidParameter(`Invalid value ${asked} for cpuset ${name}`);
  const there = parseIndexes(available);
  if (there !== undefined && [...wanted].some(index => !there.has(index))) {
    throw invalidParameter(
      `Requested ${what} are not available - requested ${asked}, available: ${available}`,
    );
  }
}

/** Reads `0-2,7`; undefined when it is malformed. */
export function parseIndexes(text: string): Set<number> | undefined {
  const indexes = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim());
    if (match === null) return undefined;
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (last < first || last > MAX_CPU_INDEX) return undefined;
    for (let index = first; index <= last; index += 1) indexes.add(index);
  }
  return indexes;
}

/** What cgroup v2 has no counterpart for. */
export function vainLimits(asked: ResourceConfig): string[] {
  return [
    ...((asked.MemorySwappiness ?? -1) >= 0
      ? [
          'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
        ]
      : []),
    ...(asked.OomKillDisable === true
      ? ['Your kernel does not support OomKillDisable. OomKillDisable discarded.']
      : []),
    ...((asked.KernelMemoryTCP ?? 0) > 0
      ? [
          'Your kernel does not support kernel memory TCP limit capabilities or the cgroup is not mounted. Limitation discarded.',
        ]
      : []),
    ...((asked.CpuRealtimePeriod ?? 0) !== 0 || (asked.CpuRealtimeRuntime ?? 0) !== 0
      ? [
          'Your kernel does not support CPU real-time scheduler or the cgroup is not mounted. CPU real-time discarded.',
        ]
      : []),
  ];
}

function hasAny(...lists: readonly (readonly unknown[] | undefined)[]): boolean {
  return lists.some(list => list !== undefined && list.length > 0);
}

/** What is not done where there are no controllers. */
function discarded(asked: ResourceConfig): string[] {
  const lines: [unknown, string][] = [
    [
      asked.Memory,
      'Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.',
    ],
    [
      asked.MemoryReservation,
      'Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded.',
    ],
    [
      Math.max(0, asked.PidsLimit ?? 0),
      'Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.',
    ],
    [
      asked.NanoCpus,
      'NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted',
    ],
    [
      asked.CpuShares,
      'Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.',
    ],
    [
      (asked.CpuPeriod ?? 0) !== 0 || (asked.CpuQuota ?? 0) !== 0,
      'Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.',
    ],
    [
      (asked.CpusetCpus ?? '') !== '' || (asked.CpusetMems ?? '') !== '',
      'Your kernel does not support cpuset or the cgroup is not mounted. CPUset discarded.',
    ],
    [
      asked.BlkioWeight,
      'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
    ],
    [
      hasAny(asked.BlkioDeviceReadBps, asked.BlkioDeviceWriteBps),
      'Your kernel does not support BPS Block I/O limit or the cgroup is not mounted. Block I/O BPS limit discarded.',
    ],
    [
      hasAny(asked.BlkioDeviceReadIOps, asked.BlkioDeviceWriteIOps),
      'Your kernel does not support IOPS Block I/O limit or the cgroup is not mounted. Block I/O IOPS limit discarded.',
    ],
  ];
  return lines.flatMap(([value, sentence]) => (value ? [sentence] : []));
}
