/** Bodies about what runs in containers, from Docker's description of API 1.45. */
import { type Shape, list, map, nullable, optional, ownList, ownMap, record, setOf } from '../shape.ts';

const texts = list('text');

/** GET /containers/{id}/top */
export const TOP = record({ Titles: texts, Processes: list(ownList('own-text')) });
/** POST /containers/{id}/update */
export const UPDATED = record({ Warnings: nullable(texts) });
/** POST /containers/{id}/wait */
export const WAITED = record({ StatusCode: 'int', Error: optional(record({ Message: 'text' })) });
/** POST /containers/prune */
export const PRUNED = record({ ContainersDeleted: nullable(ownList('id')), SpaceReclaimed: 'size' });
/** GET /containers/{id}/changes */
export const CHANGES = nullable(setOf(record({ Path: 'text', Kind: 'int' })));
/** X-Docker-Container-Path-Stat */
export const PATH_STAT = record({
  name: 'text',
  size: 'size',
  mode: 'int',
  mtime: 'time',
  linkTarget: 'text',
});
/** POST /commit */
export const COMMITTED = record({ Id: 'digest' });
/** POST /containers/{id}/exec */
export const EXEC_CREATED = record({ Id: 'id' });

/** GET /exec/{id}/json */
export const EXEC = record({
  ID: 'id',
  Running: 'bool',
  ExitCode: nullable('int'),
  ProcessConfig: record({
    tty: 'bool',
    entrypoint: 'text',
    arguments: texts,
    privileged: optional('bool'),
    user: optional('text'),
  }),
  OpenStdin: 'bool',
  OpenStderr: 'bool',
  OpenStdout: 'bool',
  CanRemove: 'bool',
  ContainerID: 'id',
  DetachKeys: 'text',
  Pid: 'pid',
});

const BLOCKS = nullable(ownList(record({ major: 'count', minor: 'count', op: 'text', value: 'count' })));

const CPU = record({
  cpu_usage: record({
    total_usage: 'count',
    percpu_usage: optional(ownList('count')),
    usage_in_kernelmode: 'count',
    usage_in_usermode: 'count',
  }),
  system_cpu_usage: optional('count'),
  online_cpus: optional('count'),
  throttling_data: record({ periods: 'count', throttled_periods: 'count', throttled_time: 'count' }),
});

const TRAFFIC = record({
  rx_bytes: 'count',
  rx_packets: 'count',
  rx_errors: 'count',
  rx_dropped: 'count',
  tx_bytes: 'count',
  tx_packets: 'count',
  tx_errors: 'count',
  tx_dropped: 'count',
} satisfies Record<string, Shape>);

/** GET /containers/{id}/stats of a container that runs, with cgroup v2. */
export const STATS = record({
  read: 'time',
  preread: 'time',
  pids_stats: record({ current: optional('count'), limit: optional('own') }),
  blkio_stats: record({
    io_service_bytes_recursive: BLOCKS,
    io_serviced_recursive: BLOCKS,
    io_queue_recursive: BLOCKS,
    io_service_time_recursive: BLOCKS,
    io_wait_time_recursive: BLOCKS,
    io_merged_recursive: BLOCKS,
    io_time_recursive: BLOCKS,
    sectors_recursive: BLOCKS,
  }),
  num_procs: 'count',
  storage_stats: record({}),
  cpu_stats: CPU,
  precpu_stats: CPU,
  memory_stats: record({
    usage: optional('count'),
    max_usage: optional('count'),
    stats: optional(ownMap('count')),
    failcnt: optional('count'),
    limit: optional('count'),
  }),
  /** Not in an answer without the figures before. */
  name: optional('text'),
  id: optional('id'),
  networks: optional(map(TRAFFIC)),
});
