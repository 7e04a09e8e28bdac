import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { isSystemError } from '../../shared/errors.ts';
import { listDescendants } from './process-list.ts';

/**
 * Names one process for good: a pid alone is used again, a pid with its start time is not within a boot.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat. */
  readonly startTime: string;
  readonly bootId: string;
}

/** What /proc/PID/stat says, as far as it is used. */
export interface ProcessStat {
  readonly pid: number;
  /** R, S, D, Z … as in proc(5). */
  readonly state: string;
  readonly parent: number;
  readonly startTime: string;
}

/** The kernel's id of this boot. */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Reads /proc/PID/stat; undefined when there is no such process. */
export function readProcess(pid: number): ProcessStat | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
  // The command name is in parentheses and may hold anything; what follows the last one is ours.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { pid, state: fields[0] ?? '', parent: Number(fields[1]), startTime: fields[19] ?? '' };
}

/** Arguments of a process; empty when it is gone or a zombie. */
export function readArguments(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ESRCH')) return [];
    throw error;
  }
}

/** How many files a process that is started here may be allowed to open: this process's hard limit. */
export function readOpenFilesLimit(): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return hard === 'unlimited' ? -1 : Number(hard ?? 1024);
}

/** The identity of a running process; undefined when it is gone or only waits to be reaped. */
export function identifyProcess(pid: number, bootId: string): ProcessIdentity | undefined {
  const process = readProcess(pid);
  if (process === undefined || process.state === 'Z' || process.state === 'X') return undefined;
  return { pid, startTime: process.startTime, bootId };
}

/** Clock ticks of /proc/PID/stat in a second: the same on every machine that Linux runs on today. */
const TICKS_PER_S = 100;

/** How long ago a process was started, in milliseconds, whatever became of it or of the clock since. */
export function readAge({ startTime }: ProcessIdentity): number {
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  return Math.max(0, (uptime - Number(startTime) / TICKS_PER_S) * 1000);
}

/** True when exactly this process still runs. */
export function isRunning(identity: ProcessIdentity, bootId: string): boolean {
  if (identity.bootId !== bootId) return false;
  return identifyProcess(identity.pid, bootId)?.startTime === identity.startTime;
}

/** Sends a signal to exactly this process; false when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: number, bootId: string): boolean {
  if (!isRunning(identity, bootId)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ESRCH')) return false;
    throw error;
  }
}

/**
 * Kills every process that has such an argument and runs one of these programs: what a cut-off start left
 * behind, of which nobody wrote a pid. Answers how many there were; they may take a moment to end.
 * @param options.family also everything that descends from them
 */
export function killByArgument(
  argument: string | ((word: string) => boolean),
  programs: readonly string[],
  options: { readonly family?: boolean } = {},
): number {
  const isMeant = typeof argument === 'string' ? (word: string) => word === argument : argument;
  let count = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const words = readArguments(Number(name));
    // A program started through a loader or a script has its path further back.
    const isOurs = programs.some(program =>
      words.slice(0, 5).some(word => basename(word) === basename(program)),
    );
    if (!isOurs || !words.some(isMeant)) continue;
    // One that is stopped starts nothing more before its children are known.
    if (options.family === true) sendSignal(Number(name), 'SIGSTOP');
    const pids = options.family === true ? listDescendants(Number(name)) : [Number(name)];
    for (const pid of pids) sendSignal(pid, 'SIGKILL');
    count += 1;
  }
  return count;
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isSystemError(error, 'ESRCH')) throw error;
  }
}
