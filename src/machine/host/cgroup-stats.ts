import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../shared/errors.ts';

/** What a cgroup v2 group has used; zeros where a controller is missing. */
export interface CgroupStats {
  readonly cpu: Readonly<Record<string, number>>;
  readonly memoryBytes: number;
  /** Undefined for none. */
  readonly memoryLimitBytes: number | undefined;
  readonly memory: Readonly<Record<string, number>>;
  readonly oomKills: number;
  readonly pids: number;
  readonly pidsLimit: number | undefined;
  readonly io: readonly IoStats[];
}

export interface IoStats {
  readonly major: number;
  readonly minor: number;
  /** `rbytes`, `wbytes`, `rios`, `wios`, `dbytes`, `dios`. */
  readonly counters: Readonly<Record<string, number>>;
}

/** Counters of one network interface, as /proc/PID/net/dev has them. */
export interface InterfaceStats {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

/** Reads the files of a group. */
export async function readCgroupStats(folder: string): Promise<CgroupStats> {
  const read = (name: string): Promise<string> => readOrEmpty(join(folder, name));
  const [cpu, current, limit, memory, events, pids, pidsLimit, io] = await Promise.all(
    [
      'cpu.stat',
      'memory.current',
      'memory.max',
      'memory.stat',
      'memory.events',
      'pids.current',
      'pids.max',
      'io.stat',
    ].map(read),
  );
  return {
    cpu: parseFlat(cpu ?? ''),
    memoryBytes: Number(current ?? 0),
    memoryLimitBytes: parseLimit(limit ?? ''),
    memory: parseFlat(memory ?? ''),
    oomKills: parseFlat(events ?? '').oom_kill ?? 0,
    pids: Number(pids ?? 0),
    pidsLimit: parseLimit(pidsLimit ?? ''),
    io: parseIoStat(io ?? ''),
  };
}

/** Processor time of the whole machine in nanoseconds, and how many processors are online. */
export async function readSystemCpu(): Promise<{ readonly totalNs: number; readonly online: number }> {
  const text = await readOrEmpty('/proc/stat');
  const fields = /^cpu +(.+)$/m.exec(text)?.[1]?.split(' ').map(Number) ?? [];
  // User to steal; guest time is within user time.
  const ticks = fields.slice(0, 8).reduce((sum, value) => sum + value, 0);
  return { totalNs: ticks * 10_000_000, online: text.match(/^cpu\d+ /gm)?.length ?? 1 };
}

/** Network counters as a process sees them, without the loopback. */
export async function readInterfaces(pid: number): Promise<InterfaceStats[]> {
  return parseNetDev(await readOrEmpty(`/proc/${pid}/net/dev`));
}

/** Parses /proc/net/dev. */
export function parseNetDev(text: string): InterfaceStats[] {
  const interfaces: InterfaceStats[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*(\S+):\s*(.+)$/.exec(line);
    if (match === null || match[1] === 'lo') continue;
    const values = (match[2] ?? '').trim().split(/\s+/).map(Number);
    const at = (index: number): number => values[index] ?? 0;
    interfaces.push({
      name: match[1] ?? '',
      rxBytes: at(0),
      rxPackets: at(1),
      rxErrors: at(2),
      rxDropped: at(3),
      txBytes: at(8),
      txPackets: at(9),
      txErrors: at(10),
      txDropped: at(11),
    });
  }
  return interfaces;
}

/** Parses io.stat: `8:0 rbytes=1 wbytes=2 …`. */
export function parseIoStat(text: string): IoStats[] {
  return text
    .split('\n')
    .map(line => /^(\d+):(\d+) (.+)$/.exec(line))
    .filter(match => match !== null)
    .map(match => ({
      major: Number(match[1]),
      minor: Number(match[2]),
      counters: Object.fromEntries(
        (match[3] ?? '').split(' ').map(pair => {
          const [key = '', value] = pair.split('=');
          return [key, Number(value ?? 0)];
        }),
      ),
    }));
}

/** Parses `name number` lines. */
function parseFlat(text: string): Record<string, number> {
  return Object.fromEntries(
    text
      .split('\n')
      .map(line => line.split(' '))
      .filter(words => words.length === 2)
      .map(([key = '', value]) => [key, Number(value)]),
  );
}

function parseLimit(text: string): number | undefined {
  return /^\d+\s*$/.test(text) ? Number(text) : undefined;
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENODEV', 'ESRCH', 'EOPNOTSUPP', 'EINVAL')) return '';
    throw error;
  }
}
