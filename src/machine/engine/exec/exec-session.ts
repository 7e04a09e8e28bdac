import { Transform, type Readable, type Writable } from 'node:stream';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runtimeOf } from '../containers/runtime-of.ts';
import type { EngineContext } from '../context.ts';
import { conflict, invalidParameter, notRunning } from '../docker-errors.ts';
import {
  type ExecEnd,
  type ExecProcess,
  startExecOnPipes,
  startExecOnTerminal,
  terminalMark,
} from '../runtime/exec-process.ts';
import { readAccountsBelow } from '../files/account-files.ts';
import { CAPABILITIES } from '../../../shared/service/capabilities.ts';
import { runtimeFailure } from '../runtime/conmon.ts';
import type { OciProcess, OciSpec } from '../runtime/oci-types.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import { mergeConfig } from '../runtime/merge-config.ts';
import { resolveUser } from '../runtime/user-lookup.ts';
import type { ExecConfig, ExecRecord } from './exec-table.ts';
import { TelnetDecoder, encodeTelnet, formatWindowSize } from './telnet.ts';

/** A running exec as the API sees it. */
export interface ExecSession {
  /** Undefined when stdin is not attached. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  /** Undefined with a terminal, where both are one. */
  readonly stderr: Readable | undefined;
  /** Resolves once the command has ended and its output, which then goes on for 2 s at most, was read. */
  readonly exitCode: Promise<number>;
  readonly kill: () => Promise<void>;
}

/** How long output is waited for after the end of a command that left a process holding its pipes, as in Docker. */
const DRAIN_MS = 2000;
/** Kept of a terminal's output, in case it is crun's reason for not starting the command. */
const TAIL_BYTES = 1024;

/** Prepares a command for a running container. Throws CONTAINER_NOT_RUNNING, ENGINE_INVALID_PARAMETER. */
export function createExec(context: EngineContext, nameOrId: string, config: ExecConfig): ExecRecord {
  const container = context.table.resolve(nameOrId);
  checkRunning(container, nameOrId);
  if (config.command.length === 0) throw invalidParameter('No exec command specified');
  return context.execs.create(container.id, config);
}

/**
 * Refuses a start where the container does not run, which Docker looks at before all else.
 * Throws EXEC_NOT_FOUND, CONTAINER_NOT_RUNNING, CONTAINER_STATE_CONFLICT.
 */
export function checkExecStart(context: EngineContext, execId: string): void {
  const { containerId } = context.execs.get(execId);
  checkRunning(context.table.get(containerId), containerId);
}

function checkRunning({ id, state }: ContainerRecord, nameOrId: string): void {
  if (state.status === 'paused')
    throw conflict(`Container ${nameOrId} is paused, unpause the container before exec`);
  if (state.status !== 'running') throw notRunning(id);
}

/** Runs a prepared command. Throws EXEC_NOT_FOUND, CONTAINER_STATE_CONFLICT when it was started before. */
export async function startExec(context: EngineContext, execId: string): Promise<ExecSession> {
  const record = context.execs.get(execId);
  const { containerId, config } = record;
  if (record.state.status === 'running') throw conflict(`Error: Exec command ${execId} is already running`);
  if (record.state.status === 'exited') throw conflict(`Error: Exec command ${execId} has already run`);
  checkRunning(context.table.get(containerId), containerId);
  record.state = { status: 'running', pid: 0 };
  try {
    const start = {
      runtime: runtimeOf(context, context.table.get(containerId)),
      busybox: context.config.programs.busybox,
      containerId,
      process: await planProcess(context, record),
      folder: join(context.paths.execs, execId),
      stdin: config.attachStdin,
    };
    const process = config.tty ? await startExecOnTerminal(start) : await startExecOnPipes(start);
    const streams = config.tty
      ? terminalStreams(record, process, terminalMark(start.folder))
      : pipeStreams(process);
    void notePid(context, record, process);
    const exitCode = finish(process, streams, code => context.execs.ended(record, code));
    exitCode.catch(() => context.execs.ended(record, 126));
    const { stdin, stdout, stderr } = streams;
    return { stdin, stdout, stderr, exitCode, kill: () => killExec(process) };
  } catch (error) {
    context.execs.ended(record, 126);
    throw error;
  }
}

/** The container's own process description with what the request changes. */
async function planProcess(context: EngineContext, record: ExecRecord): Promise<OciProcess> {
  const { config } = record;
  const { bundle } = context.table.paths(record.containerId);
  const spec = JSON.parse(await readFile(join(bundle, 'config.json'), 'utf8')) as OciSpec;
  const own = spec.process;
  const other =
    config.user === undefined || config.user === ''
      ? undefined
      : resolveUser(config.user, [], await readAccountsBelow(spec.root.path));
  const user = other ?? own.user;
  const { request, imageId } = context.table.get(record.containerId);
  const given = mergeConfig(request, context.images.byId(imageId)?.run ?? {}).env;
  // Without a word about it HOME is that of whoever runs the command.
  const home =
    other === undefined || given.some(word => word.startsWith('HOME=')) ? [] : [`HOME=${other.home}`];
  const env = new Map(
    [...own.env, ...(config.tty ? ['TERM=xterm'] : []), ...home, ...config.env].map(word => {
      const [name = '', value = ''] = word.split(/=(.*)/s);
      return [name, value] as const;
    }),
  );
  const all = {
    bounding: CAPABILITIES,
    effective: CAPABILITIES,
    permitted: CAPABILITIES,
    inheritable: [],
    ambient: [],
  };
  return {
    ...own,
    terminal: config.tty,
    // It has a window of its own.
    consoleSize: undefined,
    args: config.command,
    env: [...env].map(([name, value]) => `${name}=${value}`),
    cwd: config.cwd === undefined || config.cwd === '' ? own.cwd : config.cwd,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    capabilities: config.privileged
      ? all
      : user.uid === own.user.uid || user.uid === 0
        ? own.capabilities
        : { ...own.capabilities, effective: own.capabilities.ambient, permitted: own.capabilities.ambient },
  };
}

/** Streams of a command, and what it said last where that is kept. */
type OwnStreams = Pick<ExecSession, 'stdin' | 'stdout' | 'stderr'> & { readonly lastWords: () => string };

function pipeStreams({ stdin, stdout, stderr }: ExecProcess): OwnStreams {
  return { stdin, stdout, stderr, lastWords: () => '' };
}

/** Takes the telnet protocol off both streams. */
function terminalStreams(record: ExecRecord, process: ExecProcess, mark: string): OwnStreams {
  const decoder = new TelnetDecoder();
  let tail: Buffer = Buffer.alloc(0);
  let before: Buffer | undefined = Buffer.alloc(0);
  const output = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      let data = decoder.push(chunk);
      if (before !== undefined) {
        before = Buffer.concat([before, data]);
        const at = before.indexOf(mark);
        if (at < 0) {
          done();
          return;
        }
        data = before.subarray(at + mark.length);
        before = undefined;
      }
      tail = Buffer.concat([tail, data.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
      done(null, data);
    },
  });
  process.stdout.pipe(output);
  const target = process.stdin;
  // A reader that is gone hangs up, as on any terminal.
  output.once('close', () => {
    target?.destroy();
    process.stdout.destroy();
  });
  const lastWords = (): string => tail.toString('utf8');
  record.resize = (rows, columns) => {
    target?.write(formatWindowSize(rows, columns));
  };
  const { size } = record.config;
  if (size !== undefined && size.rows > 0) record.resize(size.rows, size.columns);
  if (!record.config.attachStdin) return { stdin: undefined, stdout: output, stderr: undefined, lastWords };
  const input = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, encodeTelnet(chunk));
    },
    // The end of the client's input is not the end of the terminal: the window may still change.
    flush(done) {
      done();
    },
  });
  if (target !== undefined) input.pipe(target, { end: false });
  return { stdin: input, stdout: output, stderr: undefined, lastWords };
}

async function notePid(context: EngineContext, record: ExecRecord, process: ExecProcess): Promise<void> {
  for (let attempt = 0; attempt < 40 && record.state.status === 'running'; attempt += 1) {
    const pid = await process.findPid();
    if (pid !== undefined) {
      context.execs.notePid(record, pid);
      return;
    }
    await sleep(5 * (attempt + 1), undefined, { ref: false });
  }
}

/**
 * Waits for the end of the command, which is noted at once, and of its output; 126 and 127 as in Docker if it could not
 * be started.
 */
async function finish(
  process: ExecProcess,
  streams: OwnStreams,
  noteEnd: (exitCode: number) => void,
): Promise<number> {
  const end = await process.end;
  process.stdin?.destroy();
  const outputsEnd = drain(process, streams);
  // Then the reason is among the output, and soon there: nothing has run that could hold it.
  if (end.hasFailed && end.reason === '') await Promise.race([outputsEnd, sleep(DRAIN_MS)]);
  const exitCode = exitCodeOf(end, streams.lastWords);
  noteEnd(exitCode);
  await outputsEnd;
  return exitCode;
}

function exitCodeOf(end: ExecEnd, lastWords: () => string): number {
  if (!end.hasFailed) return end.exitCode;
  const { exitCode } = runtimeFailure(end.reason === '' ? lastWords() : end.reason);
  return exitCode === 127 ? 127 : 126;
}

/**
 * Resolves when all output was read; what comes too late is none of the command's. Does not read itself: that would
 * set a stream flowing which its reader holds back.
 */
async function drain(process: ExecProcess, { stdout, stderr }: OwnStreams): Promise<void> {
  const timer = setTimeout(process.cutOff, DRAIN_MS);
  await Promise.all([stdout, stderr].filter(output => output !== undefined).map(endOf));
  clearTimeout(timer);
}

function endOf(output: Readable): Promise<void> {
  return new Promise(resolve => {
    output.once('end', resolve).once('close', resolve);
    if (output.readableEnded || output.destroyed) resolve();
  });
}

async function killExec(process: ExecProcess): Promise<void> {
  const pid = await process.findPid();
  try {
    if (pid !== undefined) globalThis.process.kill(pid, 'SIGKILL');
    else process.holder.kill('SIGKILL');
  } catch {
    // Ended meanwhile.
  }
}
