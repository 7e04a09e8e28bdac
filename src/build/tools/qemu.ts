import { spawn } from 'node:child_process';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Arch } from '../../shared/arch.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Toolbox } from './toolbox.ts';

/** Messages of QEMU kept for an error. */
const MESSAGE_CHARACTERS = 8000;

export interface QemuExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what QEMU wrote to its standard error. */
  readonly messages: string;
}

/** A running QEMU whose first serial line is on `input` and `output`, and whose control protocol on `control`. */
export interface QemuProcess {
  readonly input: Writable;
  readonly output: Readable;
  readonly control: Duplex;
  readonly pid: number | undefined;
  /** Never rejects. */
  readonly exited: Promise<QemuExit>;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

const PROGRAMS: Readonly<Record<Arch, string>> = {
  amd64: 'qemu-system-x86_64',
  arm64: 'qemu-system-aarch64',
};

/** Descriptor 3 of QEMU is one end of a socket pair: no path, so no limit of its length and no other reader. */
const CONTROL = ['-chardev', 'socket,id=control,fd=3', '-mon', 'chardev=control,mode=control'];
const SERIAL = ['-chardev', 'stdio,id=serial0,signal=off', '-serial', 'chardev:serial0'];

/**
 * Starts QEMU for a guest of `arch` without a window, the host's configuration or default devices. It
 * is killed when this process ends. Throws TOOL_MISSING.
 */
export function startQemu(toolbox: Toolbox, arch: Arch, args: readonly string[]): QemuProcess {
  const folders = ['usr/share/qemu', 'usr/share/seabios'];
  const command = toolbox.command(PROGRAMS[arch], [
    ...folders.flatMap(folder => ['-L', `${toolbox.root}/${folder}`]),
    ...['-nodefaults', '-no-user-config', '-display', 'none', ...SERIAL, ...CONTROL],
    ...args,
  ]);
  const child = spawn(command.file, command.args, {
    env: command.env,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const killAtExit = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', killAtExit);

  let messages = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    messages = (messages + text).slice(-MESSAGE_CHARACTERS);
  });
  const control = child.stdio[3] as Duplex;
  // QEMU may be gone while something is still written to it; `exited` tells.
  for (const stream of [child.stdin, control]) stream.on('error', () => undefined);

  const exited = new Promise<QemuExit>(resolve => {
    const finish = (exitCode: number | null, signal: NodeJS.Signals | null): void => {
      process.off('exit', killAtExit);
      resolve({ exitCode, signal, messages });
    };
    child.once('error', error => {
      messages += messageOf(error);
      finish(null, null);
    });
    child.once('close', finish);
  });
  return {
    input: child.stdin,
    output: child.stdout,
    control,
    pid: child.pid,
    exited,
    kill: signal => child.kill(signal),
  };
}
