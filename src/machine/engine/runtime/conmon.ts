import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { access, constants, readFile } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as sleep } from 'node:timers/promises';
import { ToolError, isSystemError, messageOf } from '../../../shared/errors.ts';
import { moveToCgroup } from '../../host/cgroups.ts';
import { PROGRAM_PATH } from '../../host/run-program.ts';
import { startProgram } from '../../host/start-program.ts';
import { StartFailure } from '../docker-errors.ts';

/** One conmon to be started; it makes the container with crun and holds it. */
export interface MonitorStart {
  readonly conmon: string;
  readonly runtime: string;
  readonly runtimeArguments: readonly string[];
  /** How much longer than usual the runtime may take. */
  readonly patienceMs?: number;
  readonly id: string;
  readonly name: string;
  readonly bundle: string;
  readonly pidFile: string;
  readonly monitorPidFile: string;
  readonly monitorLog: string;
  readonly exitFolder: string;
  readonly persistFolder: string;
  readonly logFile: string;
  /** At this size conmon replaces the file by a new one. */
  readonly maxLogBytes: number;
  readonly terminal: boolean;
  readonly stdin: boolean;
  /** Its input is over when the first client that gave some is gone. */
  readonly stdinOnce: boolean;
  /** Folder of the cgroup that conmon is moved into before it makes the container. */
  readonly cgroupFolder?: string;
}

const TIMEOUT_MS = 60_000;
/** How long a conmon that was killed may take to be gone. */
const END_MS = 5000;
const MAX_ANSWER_BYTES = 64 * 1024;
const SYNC_FD = 3;
const START_FD = 4;

/** conmon's command line. */
export function formatMonitorArguments(start: MonitorStart): string[] {
  return [
    ...['--api-version', '1', '--cid', start.id, '--cuuid', start.id, '--name', start.name],
    ...['--runtime', start.runtime],
    ...start.runtimeArguments.flatMap(argument => ['--runtime-arg', argument]),
    ...['--bundle', start.bundle, '--container-pidfile', start.pidFile],
    ...['--conmon-pidfile', start.monitorPidFile],
    ...['--exit-dir', start.exitFolder, '--persist-dir', start.persistFolder],
    ...['--log-path', `k8s-file:${start.logFile}`, '--log-size-max', String(start.maxLogBytes)],
    ...['--log-level', 'error', '--full-attach'],
    ...(start.terminal ? ['--terminal'] : []),
    ...(start.stdin ? ['--stdin'] : []),
    ...(start.stdin && !start.stdinOnce ? ['--leave-stdin-open'] : []),
  ];
}

/** A conmon that is ready and waits; one that is let go of before `makeContainer` leaves nothing but an empty log. */
export interface WaitingMonitor extends AsyncDisposable {
  /**
   * Has it make the container, without starting its program, and waits for its word on the sync pipe. From then on it
   * outlives this process. Answers the container's pid. Throws CONTAINER_START_FAILED with crun's own reason.
   */
  makeContainer(): Promise<number>;
}

/**
 * Starts conmon beforehand: while it comes to life, the bundle is made ready. It opens the log at once, so that the
 * log's folder and the bundle's have to be there. Throws CONTAINER_START_FAILED.
 */
export async function openMonitor(start: MonitorStart): Promise<WaitingMonitor> {
  await checkRuntime(start.runtime);
  const notStarted = (cause: unknown): StartFailure =>
    new StartFailure(
      cause instanceof ToolError ? cause.message : `starting ${start.conmon}: ${messageOf(cause)}`,
      128,
      cause,
    );
  let child: ChildProcess;
  try {
    child = spawnMonitor(start);
  } catch (cause) {
    throw notStarted(cause);
  }
  const failed = new Promise<never>((_, reject) => {
    child.once('error', cause => reject(notStarted(cause)));
  });
  failed.catch(() => undefined);
  // It forks away, writes the pid of that one, and ends.
  const forked = new Promise<void>(resolve => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const sync = child.stdio[SYNC_FD] as Readable;
  const startPipe = child.stdio[START_FD] as Writable;
  startPipe.on('error', () => undefined);
  // From the first moment on: of a conmon that has ended, Node throws away what nobody reads.
  const answer = readLine(sync);
  const letGo = async (): Promise<void> => {
    // Before its word it is still a child; without one it would take the end of the pipe for it.
    if (!startPipe.writableEnded) {
      child.kill('SIGKILL');
      // One that hangs on a dead disk cannot be killed, and nobody may hang with it.
      await Promise.race([forked, sleep(END_MS, undefined, { ref: false })]);
    }
    sync.destroy();
    startPipe.destroy();
    child.unref();
  };
  try {
    if (child.pid !== undefined && start.cgroupFolder !== undefined) {
      await moveToCgroup(start.cgroupFolder, child.pid);
    }
  } catch (error) {
    // One that has ended already is asked for its reason by whoever has it make the container.
    if (!isSystemError(error, 'ESRCH')) {
      await letGo();
      throw notStarted(error);
    }
  }
  return {
    async makeContainer() {
      try {
        startPipe.end('\0');
        const said = await within(Promise.race([answer, failed]), TIMEOUT_MS + (start.patienceMs ?? 0));
        const pid = parseSyncAnswer(said);
        await forked;
        return pid;
      } catch (error) {
        if (error instanceof ToolError && error.message !== '') throw error;
        throw new StartFailure(`conmon gave no reason: ${await tailOf(start.monitorLog)}`, 128, error);
      }
    },
    [Symbol.asyncDispose]: letGo,
  };
}

/** Returns at once: whoever waits would miss the first events of the child. */
function spawnMonitor(start: MonitorStart): ChildProcess {
  const log = openSync(start.monitorLog, 'w', 0o600);
  try {
    return startProgram(start.conmon, formatMonitorArguments(start), {
      stdio: ['ignore', 'ignore', log, 'pipe', 'pipe'],
      env: { PATH: PROGRAM_PATH, _OCI_SYNCPIPE: String(SYNC_FD), _OCI_STARTPIPE: String(START_FD) },
      cwd: '/',
      // Out of the engine's process group and session: signals to those are not for conmon.
      detached: true,
    });
  } finally {
    closeSync(log);
  }
}

/** conmon waits for ever for a runtime that it could not start. */
async function checkRuntime(program: string): Promise<void> {
  try {
    await access(program, constants.X_OK);
  } catch (cause) {
    throw new StartFailure(`the runtime cannot be started: ${messageOf(cause)}`, 128, cause);
  }
}

/**
 * Reads conmon's answer, `{"data":PID}` (or `pid`), or with a negative number `"message"`: crun's words.
 * Throws CONTAINER_START_FAILED.
 */
export function parseSyncAnswer(text: string): number {
  let answer: { readonly data?: unknown; readonly pid?: unknown; readonly message?: unknown };
  try {
    answer = JSON.parse(text) as typeof answer;
  } catch (cause) {
    throw new StartFailure('', 128, cause);
  }
  const pid = answer.data ?? answer.pid;
  if (typeof pid === 'number' && pid > 0) return pid;
  throw runtimeFailure(typeof answer.message === 'string' ? answer.message : '');
}

/** crun's reason in Docker's frame, with the exit code that Docker gives such a container. */
export function runtimeFailure(said: string): StartFailure {
  const reason = said
    .trim()
    .split('\n')
    .map(line =>
      messageIn(line)
        .replace(/^\S+ \[?(?:error|crun)\]?: /i, '')
        .trim(),
    )
    .filter(line => line !== '')
    .map(toDockerWords)
    .join('; ')
    .replaceAll(/[^\x20-\x7e\u00a0-\uffff]/g, ' ');
  if (reason === '') return new StartFailure('', 128);
  const exitCode = /executable file .*not found|no such file or directory/i.test(reason)
    ? 127
    : /permission denied|is a directory/i.test(reason)
      ? 126
      : 128;
  return new StartFailure(`OCI runtime create failed: ${reason}`, exitCode);
}

/** runc says what it has to say as lines of a log: `time="…" level=error msg="…"`; only its errors count. */
function messageIn(line: string): string {
  const [, level, quoted = ''] = /^time="[^"]*" level=(\w+) msg=("(?:[^"\\]|\\.)*"|\S+)/.exec(line) ?? [];
  if (level === undefined) return line;
  if (level !== 'error' && level !== 'fatal') return '';
  try {
    return (JSON.parse(quoted) as string).trim();
  } catch {
    return quoted;
  }
}

/** Docker's client looks for these words of runc's to choose its exit code. */
function toDockerWords(line: string): string {
  return line
    .replace(
      /executable file [`']([^`'/]*)[`'] not found(?: in \$PATH)?(?:: No such file.*)?$/,
      'exec: "$1": executable file not found in $$PATH',
    )
    .replace(
      /executable file [`']([^`']*)[`'] not found(?: in \$PATH)?(?:: No such file.*)?$/,
      'exec: "$1": stat $1: no such file or directory',
    )
    .replace(/the path `([^`']*)[`'] exists but it is not executable.*$/, 'exec: "$1": permission denied')
    .replace(
      /the path `([^`']*)[`'] is not a regular file.*$/,
      'exec: "$1": is a directory: permission denied',
    )
    .replace(/No such file or directory$/, 'no such file or directory')
    .replace(/Permission denied$/, 'permission denied')
    .replace(/Is a directory$/, 'is a directory');
}

/** The first line of a stream; what there is of it when the stream is over. */
function readLine(stream: Readable): Promise<string> {
  return new Promise(resolve => {
    const decoder = new StringDecoder('utf8');
    let text = '';
    const done = (): void => resolve(text.split('\n')[0] ?? '');
    stream.on('data', (chunk: Buffer) => {
      text += decoder.write(chunk);
      if (text.includes('\n') || text.length > MAX_ANSWER_BYTES) done();
    });
    for (const event of ['end', 'error', 'close']) stream.once(event, done);
  });
}

async function within<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new StartFailure(`conmon did not answer within ${timeoutMs / 1000} s`, 128));
    }, timeoutMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function tailOf(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trim().slice(-1000) || 'it ended without a word';
}
