/** Figures of GET /containers/{id}/stats. */
export interface StatsBody {
  readonly id?: string;
  readonly name?: string;
  readonly cpu_stats?: CpuStats;
  readonly precpu_stats?: CpuStats;
  readonly memory_stats?: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: Readonly<Record<string, number>>;
  };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>>;
  readonly blkio_stats?: {
    readonly io_service_bytes_recursive?: readonly { readonly op: string; readonly value: number }[] | null;
  };
  readonly pids_stats?: { readonly current?: number };
}

interface CpuStats {
  readonly cpu_usage?: { readonly total_usage?: number; readonly percpu_usage?: readonly number[] | null };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
}

/** What is shown of them. */
export interface Figures {
  readonly cpuPercent: number;
  /** Without what the page cache can give back. */
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly memoryPercent: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly processes: number;
}

/** Reckons as Docker's client does. */
export function figuresOf(body: StatsBody): Figures {
  const { usage = 0, limit = 0, stats = {} } = body.memory_stats ?? {};
  const cache = stats.total_inactive_file ?? stats.inactive_file ?? 0;
  const memoryBytes = cache < usage ? usage - cache : usage;
  const networks = Object.values(body.networks ?? {});
  const transfers = body.blkio_stats?.io_service_bytes_recursive ?? [];
  const sum = (letter: string): number =>
    transfers
      .filter(({ op }) => op.toLowerCase().startsWith(letter))
      .reduce((total, { value }) => total + value, 0);
  return {
    cpuPercent: cpuPercent(body),
    memoryBytes,
    memoryLimitBytes: limit,
    memoryPercent: limit === 0 ? 0 : (memoryBytes / limit) * 100,
    receivedBytes: networks.reduce((total, network) => total + network.rx_bytes, 0),
    sentBytes: networks.reduce((total, network) => total + network.tx_bytes, 0),
    readBytes: sum('r'),
    writtenBytes: sum('w'),
    processes: body.pids_stats?.current ?? 0,
  };
}

function cpuPercent({ cpu_stats: now = {}, precpu_stats: before = {} }: StatsBody): number {
  const used = (now.cpu_usage?.total_usage ?? 0) - (before.cpu_usage?.total_usage ?? 0);
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const processors = now.online_cpus ?? now.cpu_usage?.percpu_usage?.length ?? 1;
  return used > 0 && passed > 0 ? (used / passed) * processors * 100 : 0;
}
