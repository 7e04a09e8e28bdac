import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSystemError } from '../../shared/errors.ts';

/** Makes a cgroup v2 group and its parents. */
export async function createCgroup(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
}

/** Moves a process into a group. */
export async function moveToCgroup(folder: string, pid: number): Promise<void> {
  await writeFile(join(folder, 'cgroup.procs'), String(pid));
}

/** Kills every process of a group and of the groups below it (cgroup.kill); no error when it is gone. */
export async function killCgroup(folder: string): Promise<void> {
  try {
    await writeFile(join(folder, 'cgroup.kill'), '1');
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENODEV')) throw error;
  }
}

/**
 * Removes a group and the groups below it once its processes are gone, for which it waits `timeoutMs` at
 * most; no error when it is gone or stays busy (answers false).
 */
export async function removeCgroup(folder: string, timeoutMs = 2000): Promise<boolean> {
  for (let waited = 0; ; waited += 10) {
    if (await tryRemove(folder)) return true;
    if (waited >= timeoutMs) return false;
    await sleep(10);
  }
}

/** Whether a group is frozen; undefined when it is gone. */
export async function isFrozen(folder: string): Promise<boolean | undefined> {
  try {
    return (await readFile(join(folder, 'cgroup.freeze'), 'utf8')).trim() === '1';
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENODEV')) return undefined;
    throw error;
  }
}

/** How often the kernel killed a process of the group for lack of memory; 0 when the group is gone. */
export async function countOomKills(folder: string): Promise<number> {
  try {
    const events = await readFile(join(folder, 'memory.events'), 'utf8');
    return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENODEV')) return 0;
    throw error;
  }
}

/** Total memory of the machine in bytes, from /proc/meminfo. */
export function readTotalMemory(): number {
  const kibibytes = /^MemTotal:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

async function tryRemove(folder: string): Promise<boolean> {
  try {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) await tryRemove(join(folder, entry.name));
    }
    await rmdir(folder);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return true;
    if (isSystemError(error, 'EBUSY', 'ENOTEMPTY')) return false;
    throw error;
  }
}
