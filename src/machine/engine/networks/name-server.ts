import { closeSync, constants, existsSync, openSync, readFileSync } from 'node:fs';
import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError, messageOf } from '../../../shared/errors.ts';
import { moveToCgroup } from '../../host/cgroups.ts';
import { identifyProcess, readArguments } from '../../host/processes.ts';
import { runProgram, runProgramOrThrow } from '../../host/run-program.ts';
import type { EngineContext } from '../context.ts';
import { DNS_PORT } from '../runtime/netavark.ts';
import { NETWORKS_KEY } from './network-table.ts';

/** aardvark-dns answers within this time that it listens. */
const TIMEOUT_MS = 30_000;
const PID_FILE = 'aardvark.pid';
/** Its name among the monitors and timers of containers; no id of one. */
const WATCH = 'name server';
/** One that ends again and again is not started more often. */
const REVIVE_MS = 1000;

/**
 * Makes sure that netavark signals aardvark-dns and nobody else: the file with its pid is taken away when the process
 * is gone, or when the pid has come to mean another. Runs inside the queue's key of networks.
 */
export async function prepareNameServer(context: EngineContext): Promise<void> {
  const { namesAlive } = context.paths;
  if (!existsSync(namesAlive)) {
    await runProgramOrThrow(
      [context.config.programs.busybox, 'mkfifo', '-m', '600', namesAlive],
      'making a pipe',
      {
        timeoutMs: TIMEOUT_MS,
      },
    );
  }
  const folder = folderOf(context);
  const pid = readPid(folder);
  if (pid === undefined || isNameServer(context, pid)) return;
  await rm(join(folder, PID_FILE), { force: true });
}

/**
 * Puts an aardvark-dns that netavark has started among the monitors: it is no part of the engine. Should it end while
 * containers have names, it is started again.
 */
export async function settleNameServer(context: EngineContext): Promise<void> {
  const { cgroups } = context.config;
  const pid = readPid(folderOf(context));
  if (pid === undefined || !isNameServer(context, pid)) return;
  if (!context.monitors.has(WATCH)) {
    context.monitors.watchFifo(WATCH, context.paths.namesAlive, () => {
      context.timers.schedule(WATCH, REVIVE_MS, () => {
        void context.queue.run(NETWORKS_KEY, () => reviveNameServer(context));
      });
    });
  }
  if (cgroups === undefined) return;
  const group = readCgroup(pid);
  if (group === undefined || group === cgroups.monitors) return;
  try {
    await moveToCgroup(join(cgroups.root, cgroups.monitors), pid);
  } catch (error) {
    if (isNameServer(context, pid)) throw error;
  }
}

/**
 * Starts aardvark-dns again where containers have names and it is gone. Runs inside the queue's key of networks; a
 * fault is logged.
 */
export async function reviveNameServer(context: EngineContext): Promise<void> {
  const { aardvarkDns } = context.config.programs;
  const folder = folderOf(context);
  if (aardvarkDns === undefined || (await listNames(folder)).length === 0) return;
  try {
    await prepareNameServer(context);
    if (readPid(folder) === undefined) await startNameServer(context, aardvarkDns);
    await settleNameServer(context);
  } catch (error) {
    context.log.error('names of containers cannot be answered', { reason: messageOf(error) });
  }
}

async function startNameServer(context: EngineContext, program: string): Promise<void> {
  const alive = openSync(context.paths.namesAlive, constants.O_RDWR | constants.O_NONBLOCK);
  const { exitCode, stderr } = await runProgram(
    [program, '--config', folderOf(context), '-p', String(DNS_PORT), 'run'],
    { timeoutMs: TIMEOUT_MS, file: alive },
  ).finally(() => closeSync(alive));
  if (exitCode !== 0) throw new Error(stderr.trim() || `exit code ${exitCode}`);
}

/**
 * Has a running container answer to its new name, and no more to the old one. Runs inside the container's place in the
 * queue; a fault is logged, since its name has changed all the same.
 */
export async function renameInNames(context: EngineContext, id: string, name: string): Promise<void> {
  const folder = folderOf(context);
  await context.queue.run(NETWORKS_KEY, async () => {
    try {
      let hasChanged = false;
      for (const file of await listNames(folder)) {
        const old = await readFile(join(folder, file), 'utf8');
        const text = withName(old, id, name);
        if (text === old) continue;
        // Not beside the others, which all are read.
        const temporary = join(context.paths.netavark, 'names.new');
        await writeFile(temporary, text);
        await rename(temporary, join(folder, file));
        hasChanged = true;
      }
      const pid = readPid(folder);
      if (hasChanged && pid !== undefined && isNameServer(context, pid)) process.kill(pid, 'SIGHUP');
    } catch (error) {
      context.log.warning('a container is still answered for by its old name', {
        container: name,
        reason: messageOf(error),
      });
    }
  });
}

/** A file of aardvark-dns, `ID ADDRESSES ADDRESSES NAME,ALIAS… [SERVERS]` a container, with another name for one. */
export function withName(text: string, id: string, name: string): string {
  return text
    .split('\n')
    .map(line => {
      const [owner, ipv4 = '', ipv6 = '', names = '', ...rest] = line.split(' ');
      if (owner !== id) return line;
      const [, ...aliases] = names.split(',');
      return [owner, ipv4, ipv6, [name, ...aliases].join(','), ...rest].join(' ');
    })
    .join('\n');
}

function folderOf(context: EngineContext): string {
  return join(context.paths.netavark, 'aardvark-dns');
}

/** Files of names, one a network. */
async function listNames(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter(name => name !== PID_FILE);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  }
}

function readPid(folder: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(folder, PID_FILE), 'utf8').trim());
    // A file that says nothing is as good as none, and netavark reads it as such.
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function isNameServer(context: EngineContext, pid: number): boolean {
  return identifyProcess(pid, context.bootId) !== undefined && readArguments(pid).includes(folderOf(context));
}

function readCgroup(pid: number): string | undefined {
  try {
    return /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}
