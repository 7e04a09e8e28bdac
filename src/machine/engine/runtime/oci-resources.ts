import type { HostConfig, ResourceConfig, SlipwayExtension } from '../../engine-api/wire.ts';
import type { OciBlockIo, OciDeviceRule, OciResources, OciRlimit } from './oci-types.ts';

const CPU_PERIOD_US = 100_000;

/** Limits in the specification's words. Docker's MemorySwap is memory and swap together; -1 is no limit. */
export function planResources(
  asked: ResourceConfig,
  slipway: SlipwayExtension | undefined,
  devices: readonly OciDeviceRule[],
  blockIo?: OciBlockIo,
): OciResources {
  const memory = positive(asked.Memory);
  const swap = asked.MemorySwap;
  const reservation = positive(asked.MemoryReservation);
  const nano = positive(asked.NanoCpus);
  const period = nano === undefined ? positive(asked.CpuPeriod) : CPU_PERIOD_US;
  // Docker's -1 takes a quota away.
  const quota =
    nano === undefined ? nonZero(asked.CpuQuota) : Math.max(1000, Math.round((nano / 1e9) * CPU_PERIOD_US));
  const shares = slipway?.cpuWeight === undefined ? positive(asked.CpuShares) : undefined;
  const pids = positive(asked.PidsLimit);
  return {
    devices,
    memory: {
      ...(memory === undefined ? {} : { limit: memory }),
      ...(reservation === undefined ? {} : { reservation }),
      ...(swap === undefined || swap === 0 || (memory === undefined && swap > 0) ? {} : { swap }),
    },
    cpu: {
      ...(shares === undefined ? {} : { shares: Math.max(2, Math.min(262_144, shares)) }),
      ...(quota === undefined ? {} : { quota }),
      ...(period === undefined ? {} : { period }),
      ...optional('cpus', asked.CpusetCpus),
      ...optional('mems', asked.CpusetMems),
    },
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
    ...(blockIo === undefined ? {} : { blockIO: blockIo }),
    ...unifiedOf(asked, slipway),
  };
}

/** What only a service can ask for, as files of cgroup v2. */
function unifiedOf(
  asked: ResourceConfig,
  slipway: SlipwayExtension | undefined,
): { readonly unified?: Readonly<Record<string, string>> } {
  const swap =
    slipway !== undefined && positive(asked.Memory) === undefined ? positive(asked.MemorySwap) : undefined;
  const files = {
    ...(slipway?.cpuWeight === undefined ? {} : { 'cpu.weight': String(slipway.cpuWeight) }),
    ...(swap === undefined ? {} : { 'memory.swap.max': String(swap) }),
  };
  return Object.keys(files).length === 0 ? {} : { unified: files };
}

function optional<K extends string>(key: K, text: string | undefined): Partial<Record<K, string>> {
  const found: Partial<Record<K, string>> = {};
  if (text !== undefined && text !== '') found[key] = text;
  return found;
}

function nonZero(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value;
}

const SOFT_OPEN_FILES = 1024;

/**
 * Resource limits of the process, `nofile` as `RLIMIT_NOFILE`; -1 is unlimited. Without one for open
 * files it gets the usual soft limit: Node raises its own to the hard one, which children would inherit.
 * @param openFiles hard limit of open files that can be given
 */
export function planRlimits(hostConfig: HostConfig, openFiles: number): OciRlimit[] {
  const asked = (hostConfig.Ulimits ?? []).map(limit => ({
    type: `RLIMIT_${limit.Name.replace(/^RLIMIT_/i, '').toUpperCase()}`,
    soft: unlimited(limit.Soft),
    hard: unlimited(limit.Hard),
  }));
  if (asked.some(({ type }) => type === 'RLIMIT_NOFILE')) return asked;
  const soft = openFiles < 0 ? SOFT_OPEN_FILES : Math.min(SOFT_OPEN_FILES, openFiles);
  return [...asked, { type: 'RLIMIT_NOFILE', soft, hard: unlimited(openFiles) }];
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}

/** RLIM_INFINITY, 2^64-1, as near as a number gets; formatOciJson writes its right digits. */
function unlimited(value: number): number {
  return value < 0 ? 2 ** 64 : value;
}
