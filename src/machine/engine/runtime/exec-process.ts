import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { quoteShellWord } from '../../../shared/shell-word.ts';
import { PROGRAM_PATH } from '../../host/run-program.ts';
import { startProgram } from '../../host/start-program.ts';
import { runtimeArguments, type Runtime } from './crun.ts';
import { type ExecPipe, makePipes } from './exec-pipes.ts';
import { formatOciJson } from './oci-json.ts';
import { PipeOutput } from './pipe-output.ts';
import type { OciProcess } from './oci-types.ts';

/** A command to be run in a container that runs. */
export interface ExecStart {
  readonly runtime: Runtime;
  readonly busybox: string;
  readonly containerId: string;
  readonly process: OciProcess;
  /** A folder of its own, which is made and, in the end, deleted. */
  readonly folder: string;
  readonly stdin: boolean;
}

/** How an exec ended. */
export interface ExecEnd {
  /** Exit code of the command; 137 if its holder was killed. */
  readonly exitCode: number;
  /** crun could not start the command; it has said why on the command's output. */
  readonly hasFailed: boolean;
  /** The same words, where crun keeps them. */
  readonly reason: string;
}

/** A running exec. Streams that are not read hold the process back; nothing is stored. */
export interface ExecProcess {
  /** Pid of crun, or of the terminal's holder. */
  readonly holder: ChildProcess;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  /** Undefined with a terminal. */
  readonly stderr: Readable | undefined;
  readonly end: Promise<ExecEnd>;
  /** Ends the outputs with what is in them now: whoever the command has left behind may hold them for ever. */
  readonly cutOff: () => void;
  /** Pid of the command itself, once it is known. */
  readonly findPid: () => Promise<number | undefined>;
}

const KILLED = 137;

/** Runs `crun exec` on direct pipes. */
export async function startExecOnPipes(start: ExecStart): Promise<ExecProcess> {
  await makeFolder(start);
  let pipes: ExecPipe[] = [];
  try {
    pipes = await makePipes(start.busybox, start.folder, [
      { name: 'stdout', toChild: false },
      { name: 'stderr', toChild: false },
      ...(start.stdin ? [{ name: 'stdin', toChild: true }] : []),
    ]);
    const [stdout, stderr, stdin] = pipes as [ExecPipe, ExecPipe, ExecPipe | undefined];
    const holder = startProgram(start.runtime.program, execArguments(start), {
      stdio: [stdin?.childFd ?? 'ignore', stdout.childFd, stderr.childFd],
      env: { PATH: PROGRAM_PATH },
      cwd: '/',
      detached: true,
    });
    const outputs = [stdout, stderr].map(({ stream, ourFd }) => new PipeOutput(stream, ourFd));
    const [out, err] = outputs as [PipeOutput, PipeOutput];
    return {
      holder,
      stdin: stdin?.stream,
      stdout: out,
      stderr: err,
      end: endOf(holder, start.folder).then(code => settle(start.folder, code)),
      cutOff: () => outputs.forEach(output => output.cutOff()),
      findPid: () => readPid(start.folder),
    };
  } catch (error) {
    for (const pipe of pipes) pipe.stream.destroy();
    await rm(start.folder, { recursive: true, force: true });
    throw error;
  } finally {
    for (const pipe of pipes) closeSync(pipe.childFd);
  }
}

/** What telnetd runs on the terminal prints this first, so that its own greeting can be told apart. */
export function terminalMark(folder: string): string {
  return `<${folder.slice(-16)}>`;
}

/**
 * Runs `crun exec` on a pseudo-terminal that busybox's telnetd opens and holds. Both streams carry the
 * telnet protocol; the output begins after terminalMark.
 */
export async function startExecOnTerminal(start: ExecStart): Promise<ExecProcess> {
  await makeFolder(start);
  try {
    const script = join(start.folder, 'run');
    const exitFile = join(start.folder, 'exit');
    await writeFile(
      script,
      [
        `#!${start.busybox} sh`,
        `printf %s ${quoteShellWord(terminalMark(start.folder))}`,
        [start.runtime.program, ...execArguments(start)].map(quoteShellWord).join(' '),
        `echo $? > ${quoteShellWord(exitFile)}`,
        '',
      ].join('\n'),
    );
    await chmod(script, 0o700);
    const holder = startProgram(start.busybox, ['telnetd', '-i', '-f', '/dev/null', '-l', script], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: PROGRAM_PATH },
      cwd: '/',
      detached: true,
    });
    holder.stdin.on('error', () => undefined);
    const end = endOf(holder, start.folder).then(async () => {
      const text = await readFile(exitFile, 'utf8').catch(() => '');
      return settle(start.folder, text === '' ? KILLED : Number(text));
    });
    return {
      holder,
      stdin: holder.stdin,
      stdout: holder.stdout,
      stderr: undefined,
      end,
      // Only telnetd holds it, which has gone when the command has ended.
      cutOff: () => undefined,
      findPid: () => readPid(start.folder),
    };
  } catch (error) {
    await rm(start.folder, { recursive: true, force: true });
    throw error;
  }
}

function execArguments(start: ExecStart): string[] {
  return [
    ...runtimeArguments(start.runtime),
    // With a log file crun 1.21 now and then drops what a command writes to its terminal.
    ...(start.process.terminal ? [] : [`--log=${join(start.folder, 'log')}`]),
    'exec',
    ...['--process', join(start.folder, 'process.json')],
    ...['--pid-file', join(start.folder, 'pid')],
    start.containerId,
  ];
}

async function makeFolder(start: ExecStart): Promise<void> {
  await mkdir(start.folder, { recursive: true, mode: 0o700 });
  await writeFile(join(start.folder, 'process.json'), formatOciJson(start.process), { mode: 0o600 });
}

function endOf(holder: ChildProcess, folder: string): Promise<number> {
  return new Promise((resolve, reject) => {
    // It was never started.
    holder.once('error', error => {
      void rm(folder, { recursive: true, force: true }).finally(() => {
        reject(error);
      });
    });
    holder.once('exit', code => {
      resolve(code ?? KILLED);
    });
  });
}

/** crun ends with a code of its own when it can't start the command, and only then writes no pid. */
async function settle(folder: string, exitCode: number): Promise<ExecEnd> {
  try {
    const hasFailed = exitCode !== 0 && exitCode !== KILLED && (await readPid(folder)) === undefined;
    return { exitCode, hasFailed, reason: await readFile(join(folder, 'log'), 'utf8').catch(() => '') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readPid(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, 'pid'), 'utf8').catch(() => '');
  const pid = Number(text.trim());
  return pid > 0 ? pid : undefined;
}
