import { readdirSync, readFileSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../shared/errors.ts';

/** One process as ps(1) shows it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
  readonly gid: number;
  /** R, S, D, Z … */
  readonly state: string;
  /** Controlling terminal as `pts/0`, `?` for none. */
  readonly terminal: string;
  readonly threads: number;
  readonly priority: number;
  readonly nice: number;
  readonly groupLeader: number;
  readonly session: number;
  /** Processor time used, in seconds. */
  readonly cpuSeconds: number;
  /** Seconds since it was started. */
  readonly ageSeconds: number;
  readonly virtualKiB: number;
  readonly residentKiB: number;
  readonly name: string;
  /** Its arguments; the name in brackets where it has none. */
  readonly command: string;
}

/** The kernel's clock ticks a second, the same on every Linux of our architectures. */
const TICKS = 100;
const PAGE_KIB = 4;

/** Pids of a cgroup and of the groups below it. */
export async function listCgroupProcesses(folder: string): Promise<number[]> {
  const pids: number[] = [];
  try {
    const text = await readFile(join(folder, 'cgroup.procs'), 'utf8');
    pids.push(...text.split('\n').filter(Boolean).map(Number));
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) pids.push(...(await listCgroupProcesses(join(folder, entry.name))));
    }
  } catch (error) {
    // A group that vanishes has no processes; one of threads does not list them here.
    if (!isSystemError(error, 'ENOENT', 'ENODEV', 'EOPNOTSUPP')) throw error;
  }
  return pids;
}

/** A process and everything that descends from it. */
export function listDescendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? statFields(Number(name))?.fields[1] : undefined;
    if (parent !== undefined)
      children.set(Number(parent), [...(children.get(Number(parent)) ?? []), Number(name)]);
  }
  const found = [root];
  // The list grows while it is walked.
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

/** What /proc says of a process; undefined when it is gone. */
export function readProcessInfo(pid: number, uptimeSeconds: number): ProcessInfo | undefined {
  const stat = statFields(pid);
  if (stat === undefined) return undefined;
  const { fields, name } = stat;
  const number = (index: number): number => Number(fields[index] ?? 0);
  const status = readOrEmpty(pid, 'status');
  const id = (key: string): number =>
    Number(new RegExp(`^${key}:\\s+(\\d+)\\s+(\\d+)`, 'm').exec(status)?.[2] ?? 0);
  const words = readOrEmpty(pid, 'cmdline').split('\0').slice(0, -1);
  return {
    pid,
    parent: number(1),
    uid: id('Uid'),
    gid: id('Gid'),
    state: fields[0] ?? '?',
    terminal: terminalName(number(4)),
    threads: number(17),
    priority: number(15),
    nice: number(16),
    groupLeader: number(2),
    session: number(3),
    cpuSeconds: (number(11) + number(12)) / TICKS,
    ageSeconds: Math.max(0, uptimeSeconds - number(19) / TICKS),
    virtualKiB: number(20) / 1024,
    residentKiB: number(21) * PAGE_KIB,
    name,
    command: words.length === 0 ? `[${name}]` : words.join(' '),
  };
}

/** /proc/PID/stat after the name, whose parentheses may hold anything; the state is field 0. */
function statFields(pid: number): { readonly name: string; readonly fields: readonly string[] } | undefined {
  const text = readOrEmpty(pid, 'stat');
  if (text === '') return undefined;
  const end = text.lastIndexOf(')');
  return { name: text.slice(text.indexOf('(') + 1, end), fields: text.slice(end + 2).split(' ') };
}

function terminalName(device: number): string {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
  return '?';
}

function readOrEmpty(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ESRCH', 'EACCES')) return '';
    throw error;
  }
}
