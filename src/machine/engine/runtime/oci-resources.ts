import type { HostConfig, SlipwayExtension } from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';
import type { OciDeviceRule, OciResources, OciRlimit } from './oci-types.ts';

const CPU_PERIOD_US = 100_000;
const MIN_MEMORY_BYTES = 6 * 1024 * 1024;

/**
 * Limits in the specification's words. Docker's MemorySwap is memory and swap together; -1 is no limit.
 * Throws ENGINE_INVALID_PARAMETER.
 */
export function planResources(
  hostConfig: HostConfig,
  slipway: SlipwayExtension | undefined,
  devices: readonly OciDeviceRule[],
): OciResources {
  const memory = positive(hostConfig.Memory);
  if (memory !== undefined && memory < MIN_MEMORY_BYTES) {
    throw invalidParameter('Minimum memory limit allowed is 6MB');
  }
  const swap = hostConfig.MemorySwap;
  if (memory !== undefined && swap !== undefined && swap > 0 && swap < memory) {
    throw invalidParameter('Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  const reservation = positive(hostConfig.MemoryReservation);
  const nano = positive(hostConfig.NanoCpus);
  const period = nano === undefined ? positive(hostConfig.CpuPeriod) : CPU_PERIOD_US;
  const quota = nano === undefined ? positive(hostConfig.CpuQuota) : Math.round((nano / 1e9) * CPU_PERIOD_US);
  const shares = slipway?.cpuWeight === undefined ? positive(hostConfig.CpuShares) : undefined;
  const cpus = hostConfig.CpusetCpus;
  const pids = positive(hostConfig.PidsLimit);
  return {
    devices,
    memory: {
      ...(memory === undefined ? {} : { limit: memory }),
      ...(reservation === undefined ? {} : { reservation }),
      ...(swap === undefined || swap === 0 ? {} : { swap }),
    },
    cpu: {
      ...(shares === undefined ? {} : { shares }),
      ...(quota === undefined ? {} : { quota }),
      ...(period === undefined ? {} : { period }),
      ...(cpus === undefined || cpus === '' ? {} : { cpus }),
    },
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
    ...(slipway?.cpuWeight === undefined ? {} : { unified: { 'cpu.weight': String(slipway.cpuWeight) } }),
  };
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
