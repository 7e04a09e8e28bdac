import { copyFile, chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { Arch } from '../../shared/arch.ts';
import { ToolError } from '../../shared/errors.ts';
import { type QemuExit, type QemuProcess, startQemu } from '../tools/qemu.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import {
  type Acceleration,
  type Firmware,
  type VmHardware,
  firmwareFiles,
  qemuArguments,
} from './hardware.ts';
import { ConsoleLog } from './console.ts';
import { Qmp } from './qmp.ts';

/** QEMU answers on its control stream at once, or it could not make the machine. */
const START_TIMEOUT_MS = 30_000;
/** Between the request to end and the end by force. */
const QUIT_TIMEOUT_MS = 3000;

export interface VmOptions extends Omit<VmHardware, 'firmwareFiles'> {
  /** Unpacked packages of VM_TOOLS for the guest's architecture. */
  readonly toolbox: Toolbox;
  readonly firmware: Firmware;
  readonly acceleration: Acceleration;
  /** A folder of this machine's own, for its copy of the firmware's variables; the caller removes it. */
  readonly runFolder: string;
  /** Gets all serial output as it comes; it is not waited for. */
  readonly onOutput?: (bytes: Uint8Array) => void;
}

/**
 * Starts a virtual machine. Dispose of it to end it by force; it also ends with this process. Throws
 * VM_START_FAILED with QEMU's own message (a port in use, not enough memory, a locked disk).
 */
export async function startVm(options: VmOptions): Promise<Vm> {
  const { toolbox, arch, firmware, acceleration, runFolder } = options;
  const files = firmwareFiles(toolbox, arch, firmware);
  const variables = files && join(runFolder, 'firmware-variables.fd');
  if (files && variables !== undefined) {
    // A copy: the firmware writes boot entries into it.
    await copyFile(files.variables, variables);
    await chmod(variables, 0o600);
  }
  const hardware: VmHardware = {
    ...options,
    ...(files && variables !== undefined
      ? { firmwareFiles: { code: files.code, variables, secure: firmware === 'secure-boot' } }
      : {}),
  };
  const qemu = startQemu(toolbox, arch, qemuArguments(hardware, acceleration));
  const vm = new Vm(qemu, arch, options.onOutput);
  const late = AbortSignal.timeout(START_TIMEOUT_MS);
  const timedOut = new Promise<never>((_resolve, reject) => {
    late.addEventListener('abort', () => reject(late.reason as Error), { once: true });
  });
  try {
    await Promise.race([vm.qmp.ready, timedOut]);
  } catch (error) {
    await vm[Symbol.asyncDispose]();
    const { messages } = await vm.exited;
    throw new ToolError(`starting the virtual machine: ${lastLines(messages) || 'QEMU does not answer'}`, {
      code: 'VM_START_FAILED',
      kind: 'environment',
      hint: 'see what QEMU says; "slipway run --help" lists the options for memory, ports and disks',
      cause: error,
    });
  }
  return vm;
}

/** A running virtual machine. */
export class Vm implements AsyncDisposable {
  readonly arch: Arch;
  readonly qmp: Qmp;
  readonly console = new ConsoleLog();
  /** Fulfilled when QEMU has ended. */
  readonly exited: Promise<QemuExit>;
  readonly #qemu: QemuProcess;
  readonly #ended = new AbortController();

  constructor(qemu: QemuProcess, arch: Arch, onOutput?: (bytes: Uint8Array) => void) {
    this.#qemu = qemu;
    this.arch = arch;
    this.qmp = new Qmp(qemu.control);
    this.exited = qemu.exited;
    qemu.output.on('data', (bytes: Uint8Array) => {
      this.console.add(bytes);
      onOutput?.(bytes);
    });
    void this.exited.then(exit => {
      const how = exit.signal ?? `exit code ${exit.exitCode ?? 'unknown'}`;
      this.#ended.abort(
        new ToolError(`the virtual machine has ended (${lastLines(exit.messages) || how})`, {
          code: 'VM_ENDED',
          kind: 'environment',
        }),
      );
    });
  }

  get pid(): number | undefined {
    return this.#qemu.pid;
  }

  /** Types on the serial console. */
  write(text: string | Uint8Array): void {
    if (this.#qemu.input.writable) this.#qemu.input.write(text);
  }

  /**
   * Waits for a line of the console, past or to come. Throws VM_TIMEOUT with the last lines of the
   * console, VM_ENDED, or `signal`'s reason.
   */
  async waitForLine(
    pattern: RegExp,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<RegExpExecArray> {
    const late = AbortSignal.timeout(options.timeoutMs);
    const signals = [late, this.#ended.signal, ...(options.signal ? [options.signal] : [])];
    try {
      return await this.console.waitForLine(pattern, AbortSignal.any(signals));
    } catch (error) {
      if (error !== late.reason) throw error;
      const tail = this.console.tail(8).map(line => `  ${line}`);
      throw new ToolError(
        `waiting for ${String(pattern)} on the machine's console: not seen in ${Math.round(options.timeoutMs / 1000)} s; its last lines:\n${tail.join('\n')}`,
        { code: 'VM_TIMEOUT', kind: 'unavailable', cause: error },
      );
    }
  }

  /** Presses the power button. */
  async powerDown(): Promise<void> {
    await this.qmp.execute('system_powerdown');
  }

  /** Waits for the machine to switch itself off; false when it does not in time. */
  async waitForExit(timeoutMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>(resolve => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    try {
      return await Promise.race([this.exited.then(() => true), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends QEMU without asking the machine. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#qemu.kill('SIGTERM');
    if (!(await this.waitForExit(QUIT_TIMEOUT_MS))) {
      this.#qemu.kill('SIGKILL');
      await this.exited;
    }
  }
}

function lastLines(messages: string): string {
  return messages
    .split('\n')
    .map(line => line.replace(/^\S*qemu-system-\S+: /, '').trim())
    .filter(line => line !== '' && !line.includes('terminating on signal'))
    .slice(-3)
    .join('; ');
}
