import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { ToolError } from '../../shared/errors.ts';
import { startProgram } from './start-program.ts';

export interface RunProgramOptions {
  /** The program is killed after this time; one that cannot be, or that left others behind, is waited for no longer. */
  readonly timeoutMs: number;
  readonly cwd?: string;
  /** Its whole environment; only PATH unless given. */
  readonly env?: Readonly<Record<string, string>>;
  /** Output that is kept of each stream; the rest is dropped. 64 KiB unless given. */
  readonly keepBytes?: number;
  /** An open file that it gets as file 3, and leaves to what it starts; it stays open here. */
  readonly file?: number;
  readonly signal?: AbortSignal;
  /**
   * Its words matter only when it fails: what it says on standard output is dropped, and with exit code 0 all of it.
   * Twice as fast as waiting for the end of both streams, which counts for programs that end at once.
   */
  readonly quiet?: boolean;
}

export interface ProgramResult {
  /** 128 + N when signal N ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What programs find in their environment unless told otherwise. */
export const PROGRAM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Runs a program to its end without a shell and returns its exit code and output.
 * Throws PROGRAM_NOT_STARTED (kind environment) and PROGRAM_TIMEOUT (kind unavailable).
 * @param argv the program's absolute path and its arguments
 */
export function runProgram(argv: readonly string[], options: RunProgramOptions): Promise<ProgramResult> {
  const [program = '', ...args] = argv;
  const { keepBytes: keep = 65_536, quiet = false } = options;
  return new Promise((resolve, reject) => {
    const child = startProgram(program, args, {
      stdio: [
        'ignore',
        quiet ? 'ignore' : 'pipe',
        'pipe',
        ...(options.file === undefined ? [] : [options.file]),
      ],
      env: options.env ?? { PATH: PROGRAM_PATH },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.signal === undefined ? {} : { signal: options.signal, killSignal: 'SIGKILL' as const }),
    }) as ChildProcessByStdio<null, Readable | null, Readable>;
    const out = child.stdout === null ? () => '' : collect(child.stdout, keep);
    const err = collect(child.stderr, keep);
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      // Its end, or that of its output, may never come.
      child.stdout?.destroy();
      child.stderr.destroy();
      child.unref();
      reject(
        new ToolError(`${program} did not end within ${options.timeoutMs / 1000} s`, {
          code: 'PROGRAM_TIMEOUT',
          kind: 'unavailable',
        }),
      );
    }, options.timeoutMs);
    child.once('error', cause => {
      clearTimeout(timer);
      reject(
        cause.name === 'AbortError'
          ? cause
          : new ToolError(`starting ${program}: ${cause.message}`, {
              code: 'PROGRAM_NOT_STARTED',
              kind: 'environment',
              cause,
            }),
      );
    });
    const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
      clearTimeout(timer);
      resolve({ exitCode: code ?? 128 + signalNumber(signal), stdout: out(), stderr: err() });
    };
    child.once('close', ended);
    if (!quiet) return;
    child.once('exit', code => {
      if (code !== 0) return;
      clearTimeout(timer);
      child.stderr.destroy();
      resolve({ exitCode: 0, stdout: '', stderr: '' });
    });
  });
}

/** Runs a program that has to end with 0, quietly; throws PROGRAM_FAILED (kind environment) with what it said. */
export async function runProgramOrThrow(
  argv: readonly string[],
  what: string,
  options: Omit<RunProgramOptions, 'quiet'>,
): Promise<void> {
  const { exitCode, stderr } = await runProgram(argv, { ...options, quiet: true });
  if (exitCode === 0) return;
  const said = stderr.trim() || `exit code ${exitCode}`;
  throw new ToolError(`${what}: ${said}`, { code: 'PROGRAM_FAILED', kind: 'environment' });
}

function collect(stream: NodeJS.ReadableStream, keepBytes: number): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    if (length >= keepBytes) return;
    chunks.push(chunk.subarray(0, keepBytes - length));
    length += chunk.length;
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === 'SIGKILL' ? 9 : signal === 'SIGTERM' ? 15 : signal === 'SIGSEGV' ? 11 : 1;
}
