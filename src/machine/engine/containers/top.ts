import { readFile } from 'node:fs/promises';
import { readUptime } from '../../host/kernel.ts';
import {
  listCgroupProcesses,
  listDescendants,
  type ProcessInfo,
  readProcessInfo,
} from '../../host/process-list.ts';
import { isRunning } from '../../host/processes.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { conflict, invalidParameter, notRunning } from '../docker-errors.ts';
import { isLive } from '../store/container-record.ts';
import { cgroupFolderOf } from './cgroup-path.ts';

/** GET /containers/{id}/top */
export interface ProcessTable {
  readonly Titles: readonly string[];
  readonly Processes: readonly (readonly string[])[];
}

interface Row extends ProcessInfo {
  readonly user: string;
  readonly nowMs: number;
  readonly totalKiB: number;
}

interface Column {
  readonly title: string;
  readonly value: (row: Row) => string;
}

const column = (title: string, value: Column['value']): Column => ({ title, value });

/** Columns by the names that ps(1) gives them in `-o`. */
const COLUMNS = {
  pid: column('PID', row => String(row.pid)),
  ppid: column('PPID', row => String(row.parent)),
  pgid: column('PGID', row => String(row.groupLeader)),
  sid: column('SID', row => String(row.session)),
  uid: column('UID', row => String(row.uid)),
  gid: column('GID', row => String(row.gid)),
  user: column('USER', row => row.user),
  euser: column('EUSER', row => row.user),
  uname: column('USER', row => row.user),
  comm: column('COMMAND', row => row.name),
  ucmd: column('CMD', row => row.name),
  args: column('COMMAND', row => row.command),
  cmd: column('CMD', row => row.command),
  command: column('COMMAND', row => row.command),
  tty: column('TT', row => row.terminal),
  tt: column('TT', row => row.terminal),
  time: column('TIME', row => formatTime(row.cpuSeconds)),
  cputime: column('TIME', row => formatTime(row.cpuSeconds)),
  etime: column('ELAPSED', row => formatElapsed(row.ageSeconds)),
  etimes: column('ELAPSED', row => String(Math.floor(row.ageSeconds))),
  stime: column('STIME', row => formatStart(row)),
  start: column('STARTED', row => formatStart(row)),
  state: column('S', row => row.state),
  s: column('S', row => row.state),
  stat: column('STAT', row => row.state),
  nlwp: column('NLWP', row => String(row.threads)),
  ni: column('NI', row => String(row.nice)),
  nice: column('NI', row => String(row.nice)),
  pri: column('PRI', row => String(39 - row.priority)),
  vsz: column('VSZ', row => String(Math.round(row.virtualKiB))),
  rss: column('RSS', row => String(row.residentKiB)),
  c: column('C', row => String(Math.floor(cpuShare(row)))),
  pcpu: column('%CPU', row => cpuShare(row).toFixed(1)),
  '%cpu': column('%CPU', row => cpuShare(row).toFixed(1)),
  pmem: column('%MEM', row => memoryShare(row)),
  '%mem': column('%MEM', row => memoryShare(row)),
} as const satisfies Readonly<Record<string, Column>>;

function named(...names: readonly (keyof typeof COLUMNS)[]): Column[] {
  return names.map(name => COLUMNS[name]);
}

/** `ps -ef`, which is the default. */
const FULL: readonly Column[] = [
  column('UID', row => row.user),
  ...named('pid', 'ppid', 'c', 'stime'),
  column('TTY', row => row.terminal),
  ...named('time', 'cmd'),
];

/** `ps aux` */
const BSD: readonly Column[] = [
  ...named('user', 'pid', '%cpu', '%mem', 'vsz', 'rss'),
  column('TTY', row => row.terminal),
  ...named('stat'),
  column('START', row => formatStart(row)),
  column('TIME', row => `${Math.floor(row.cpuSeconds / 60)}:${pad(row.cpuSeconds % 60)}`),
  ...named('command'),
];

/**
 * The processes of a running container, in the columns of ps(1). Throws CONTAINER_NOT_RUNNING,
 * ENGINE_INVALID_PARAMETER for options of ps that are not known here.
 */
export async function topContainer(
  context: EngineContext,
  nameOrId: string,
  options: string,
): Promise<ProcessTable> {
  const columns = parsePsOptions(options);
  const record = context.table.resolve(nameOrId);
  const { state, id } = record;
  if (state.status === 'restarting') {
    throw conflict(`Container ${id} is restarting, wait until the container is running`);
  }
  if (!isLive(state) || !isRunning(state.process, context.bootId)) throw notRunning(id);
  if (!columns.some(({ title }) => title === 'PID')) {
    throw invalidParameter("Couldn't find PID field in ps output");
  }
  const cgroup = cgroupFolderOf(context.config, record);
  const pids = cgroup === undefined ? listDescendants(state.process.pid) : await listCgroupProcesses(cgroup);
  const names = parseNames(await readFile('/etc/passwd', 'utf8').catch(() => ''));
  const totalKiB = Number(/^MemTotal:\s+(\d+)/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1] ?? 1);
  const uptime = readUptime();
  const rows = pids
    .sort((a, b) => a - b)
    .map(pid => readProcessInfo(pid, uptime))
    .filter(info => info !== undefined)
    .map(info => ({
      ...info,
      user: names.get(info.uid) ?? String(info.uid),
      nowMs: context.clock(),
      totalKiB,
    }));
  publish(context, 'top', summaryOf(context, id));
  return {
    Titles: columns.map(({ title }) => title),
    Processes: rows.map(row => columns.map(({ value }) => value(row))),
  };
}

/** Which columns options of ps(1) ask for: `-ef`, `aux`, and lists with `-o`. Throws ENGINE_INVALID_PARAMETER. */
export function parsePsOptions(options: string): readonly Column[] {
  const text = options.trim() === '' ? '-ef' : options.trim();
  const list = /^(?:-?[aAexd]{0,4}[ -]*)?(?:o|--format)[ =]*(.+)$/.exec(text.replace(/^-+(?=o)/, ''));
  if (list !== null) {
    const names = (list[1] ?? '').split(/[\s,]+|-o/).filter(word => word !== '' && word !== '-o');
    return names.map(name => {
      const known = Object.entries(COLUMNS).find(([key]) => key === name.toLowerCase());
      if (known === undefined) throw invalidParameter(`ps: unknown user-defined format specifier "${name}"`);
      return known[1];
    });
  }
  if (/^-?[eAf]+$/.test(text)) return FULL;
  if (/^-?[auxw]+$/.test(text)) return BSD;
  throw invalidParameter(`ps: unsupported options "${text}"`);
}

function parseNames(passwd: string): Map<number, string> {
  return new Map(
    passwd.split('\n').map(line => {
      const [name = '', , uid] = line.split(':');
      return [uid === undefined ? -1 : Number(uid), name] as const;
    }),
  );
}

function cpuShare(row: Row): number {
  return row.ageSeconds < 1 ? 0 : Math.min(999, (row.cpuSeconds / row.ageSeconds) * 100);
}

function memoryShare(row: Row): string {
  return ((row.residentKiB / row.totalKiB) * 100).toFixed(1);
}

function formatTime(seconds: number): string {
  return `${pad(seconds / 3600)}:${pad((seconds / 60) % 60)}:${pad(seconds % 60)}`;
}

function formatElapsed(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds % 86_400) / 3600);
  const rest = `${pad((seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return `${days > 0 ? `${days}-` : ''}${days > 0 || hours > 0 ? `${pad(hours)}:` : ''}${rest}`;
}

/** The time of day within a day, the date before that. */
function formatStart(row: Row): string {
  const started = new Date(row.nowMs - row.ageSeconds * 1000);
  if (row.ageSeconds < 86_400) return `${pad(started.getUTCHours())}:${pad(started.getUTCMinutes())}`;
  const month = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  return `${month[started.getUTCMonth()] ?? ''}${pad(started.getUTCDate())}`;
}

function pad(value: number): string {
  return String(Math.floor(value)).padStart(2, '0');
}
