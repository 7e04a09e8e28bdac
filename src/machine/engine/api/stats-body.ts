import type { CgroupStats } from '../../host/cgroup-stats.ts';
import type { Stats, StatsSample } from '../containers/stats.ts';

/** Docker's way to say that something has not happened. */
const NEVER = '0001-01-01T00:00:00Z';

/** One object of GET /containers/{id}/stats, for cgroup v2. */
export function formatStats(stats: Stats): Readonly<Record<string, unknown>> {
  const { now, before } = stats;
  return {
    read: now === undefined ? NEVER : new Date(now.atMs).toISOString(),
    preread: before === undefined ? NEVER : new Date(before.atMs).toISOString(),
    pids_stats:
      now === undefined
        ? {}
        : {
            current: now.cgroup.pids,
            // No limit is all ones there.
            limit: now.cgroup.pidsLimit ?? 18_446_744_073_709_552_000,
          },
    blkio_stats: formatIo(now?.cgroup),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: formatCpu(now),
    precpu_stats: formatCpu(before),
    memory_stats:
      now === undefined
        ? {}
        : {
            usage: now.cgroup.memoryBytes,
            stats: now.cgroup.memory,
            limit: Math.min(now.cgroup.memoryLimitBytes ?? Infinity, now.totalMemoryBytes),
          },
    name: `/${stats.name}`,
    id: stats.id,
    ...(now === undefined || now.interfaces.length === 0
      ? {}
      : {
          networks: Object.fromEntries(
            now.interfaces.map(one => [
              one.name,
              {
                rx_bytes: one.rxBytes,
                rx_packets: one.rxPackets,
                rx_errors: one.rxErrors,
                rx_dropped: one.rxDropped,
                tx_bytes: one.txBytes,
                tx_packets: one.txPackets,
                tx_errors: one.txErrors,
                tx_dropped: one.txDropped,
              },
            ]),
          ),
        }),
  };
}

function formatCpu(sample: StatsSample | undefined): Readonly<Record<string, unknown>> {
  const cpu = sample?.cgroup.cpu ?? {};
  const ns = (key: string): number => (cpu[key] ?? 0) * 1000;
  return {
    cpu_usage: {
      total_usage: ns('usage_usec'),
      usage_in_kernelmode: ns('system_usec'),
      usage_in_usermode: ns('user_usec'),
    },
    ...(sample === undefined ? {} : { system_cpu_usage: sample.systemCpuNs, online_cpus: sample.onlineCpus }),
    throttling_data: {
      periods: cpu.nr_periods ?? 0,
      throttled_periods: cpu.nr_throttled ?? 0,
      throttled_time: ns('throttled_usec'),
    },
  };
}

function formatIo(cgroup: CgroupStats | undefined): Readonly<Record<string, unknown>> {
  const entries = (cgroup?.io ?? []).flatMap(({ major, minor, counters }) =>
    [
      { op: 'read', value: counters.rbytes ?? 0 },
      { op: 'write', value: counters.wbytes ?? 0 },
    ].map(entry => ({ major, minor, ...entry })),
  );
  return {
    io_service_bytes_recursive: entries.length === 0 ? null : entries,
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}
