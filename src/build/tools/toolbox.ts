import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ExecaError, execa } from 'execa';
import { type Arch, MULTIARCH } from '../../shared/arch.ts';
import { ToolError, isSystemError } from '../../shared/errors.ts';

/** How long a program may run unless its caller says otherwise. */
const DEFAULT_TIMEOUT_MS = 15 * 60_000;
/** How much of a program's output is kept. */
const OUTPUT_BYTES = 16 * 1024 ** 2;
/** The end of a failed program's messages that goes into the error. */
const ERROR_LINES = 6;

export interface ToolRun {
  /** Standard input: bytes, text, or pieces that are produced as the program takes them. */
  readonly input?: Uint8Array | string | AsyncIterable<Uint8Array>;
  readonly cwd?: string;
  /** Added to the fixed environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
  /** Exit codes that are no failure; only 0 by default. */
  readonly exitCodes?: readonly number[];
}

export interface ToolOutput {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** A program's command line through the toolbox's own loader, for callers that start it themselves. */
export interface ToolCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A folder of unpacked packages whose programs run with their own loader, libraries and configuration. */
export interface Toolbox {
  readonly root: string;
  readonly arch: Arch;
  /** SOURCE_DATE_EPOCH of everything that runs here, seconds since 1970. */
  readonly epoch: number;
  /** Absolute path of a file of the packages, e.g. `usr/share/qemu`. Throws TOOL_MISSING. */
  file(path: string): string;
  /** Throws TOOL_MISSING. */
  command(program: string, args: readonly string[]): ToolCommand;
  /**
   * Runs a program to its end. Throws TOOL_MISSING, TOOL_FAILED (with the end of its messages),
   * TOOL_TIMEOUT; an aborted signal's reason, or what `input` threw, is thrown as it is.
   */
  run(program: string, args: readonly string[], options?: ToolRun): Promise<ToolOutput>;
}

export interface ToolboxOptions {
  /** Folder that `unpackTools` made. */
  readonly root: string;
  readonly epoch: number;
  /** Architecture of the programs, which is the build host's. */
  readonly arch: Arch;
}

/** Opens a folder of unpacked tools. Throws TOOL_MISSING when its loader is not there. */
export function openToolbox(options: ToolboxOptions): Toolbox {
  return new UnpackedToolbox(options);
}

class UnpackedToolbox implements Toolbox {
  readonly root: string;
  readonly arch: Arch;
  readonly epoch: number;
  readonly #libraries: string;
  readonly #loader: string;

  constructor({ root, epoch, arch }: ToolboxOptions) {
    this.root = root;
    this.arch = arch;
    this.epoch = epoch;
    this.#libraries = join(root, 'usr/lib', MULTIARCH[arch]);
    this.#loader = this.file(loaderPath(arch));
  }

  file(path: string): string {
    const file = join(this.root, path);
    if (!existsSync(file)) throw missing(path, this.root);
    return file;
  }

  command(program: string, args: readonly string[]): ToolCommand {
    const path = ['usr/bin', 'usr/sbin'].map(folder => join(this.root, folder, program)).find(existsSync);
    if (path === undefined) throw missing(program, this.root);
    return {
      file: this.#loader,
      // The program learns its name from argv0: mtools and kmod are many programs in one file.
      args: ['--argv0', program, '--inhibit-cache', '--library-path', this.#libraries, path, ...args],
      env: this.#environment(),
    };
  }

  async run(program: string, args: readonly string[], options: ToolRun = {}): Promise<ToolOutput> {
    const command = this.command(program, args);
    const { input, signal } = options;
    signal?.throwIfAborted();
    // Aborted by us when the input fails, so that the program does not wait for the rest of it.
    const stop = new AbortController();
    let inputFault: unknown;
    const stdin =
      input === undefined || typeof input === 'string' || input instanceof Uint8Array
        ? input
        : Readable.from(
            guardInput(input, fault => {
              inputFault = fault;
              stop.abort();
            }),
            { objectMode: false },
          );
    try {
      const result = await execa(command.file, command.args, {
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        env: { ...command.env, ...options.env },
        extendEnv: false,
        input: stdin ?? '',
        cancelSignal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
        timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
        forceKillAfterDelay: 2000,
        maxBuffer: OUTPUT_BYTES,
        stripFinalNewline: false,
      });
      return { stdout: result.stdout, stderr: result.stderr, exitCode: 0 };
    } catch (error) {
      if (inputFault !== undefined) throw inputFault as Error;
      signal?.throwIfAborted();
      if (!(error instanceof ExecaError)) throw error;
      const stdout = textOf(error.stdout);
      const stderr = textOf(error.stderr);
      if (error.exitCode !== undefined && options.exitCodes?.includes(error.exitCode)) {
        return { stdout, stderr, exitCode: error.exitCode };
      }
      throw failure(program, error as ExecaError, stderr || stdout);
    }
  }

  #environment(): Record<string, string> {
    return {
      PATH: '/nonexistent',
      HOME: '/nonexistent',
      LC_ALL: 'C',
      TZ: 'UTC0',
      SOURCE_DATE_EPOCH: String(this.epoch),
      GCONV_PATH: join(this.#libraries, 'gconv'),
      MKE2FS_CONFIG: join(this.root, 'etc/mke2fs.conf'),
      MTOOLSRC: '/dev/null',
      OPENSSL_CONF: '/dev/null',
      GNUTLS_SYSTEM_PRIORITY_FILE: '/dev/null',
      QEMU_MODULE_DIR: join(this.#libraries, 'qemu'),
    };
  }
}

/** Where Debian's libc6 has the dynamic loader, relative to a root. */
export function loaderPath(arch: Arch): string {
  return `usr/lib/${MULTIARCH[arch]}/${arch === 'amd64' ? 'ld-linux-x86-64.so.2' : 'ld-linux-aarch64.so.1'}`;
}

async function* guardInput(
  input: AsyncIterable<Uint8Array>,
  onFault: (fault: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* input;
  } catch (error) {
    onFault(error);
    throw error;
  }
}

function textOf(output: unknown): string {
  return typeof output === 'string' ? output : '';
}

function missing(what: string, root: string): ToolError {
  return new ToolError(`looking for ${what} among the build tools in ${root}: it is not there`, {
    code: 'TOOL_MISSING',
    kind: 'environment',
    hint: 'run "slipway store prune --all", then build again: the tools are unpacked anew',
  });
}

function failure(program: string, error: ExecaError, messages: string): ToolError {
  if (error.timedOut) {
    return new ToolError(`running ${program}: it did not end in time`, {
      code: 'TOOL_TIMEOUT',
      kind: 'environment',
      hint: 'see whether the disk or the computer is overloaded, then run the command again',
      cause: error,
    });
  }
  if (isSystemError(error.cause, 'EACCES', 'ENOEXEC', 'ENOENT')) {
    return new ToolError(`starting ${program} through its loader: ${error.cause.code ?? 'refused'}`, {
      code: 'TOOL_FAILED',
      kind: 'environment',
      hint: 'the folder of the store must allow programs to run (no "noexec" mount); set SLIPWAY_STORE to one that does',
      cause: error,
    });
  }
  const last = messages
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean)
    .slice(-ERROR_LINES)
    .join('; ');
  const end =
    error.signal === undefined ? `exit code ${error.exitCode ?? 'unknown'}` : `ended by ${error.signal}`;
  // xorriso measures the disk before it writes.
  if (/no space left on device|exceeds free space on media/i.test(messages)) {
    return new ToolError(`running ${program}: the disk is full`, {
      code: 'TOOL_DISK_FULL',
      kind: 'io',
      hint: 'make room on the disk, then run the command again',
    });
  }
  return new ToolError(`running ${program}: ${end}${last === '' ? '' : `: ${last}`}`, {
    code: 'TOOL_FAILED',
    kind: 'environment',
    cause: error,
  });
}
