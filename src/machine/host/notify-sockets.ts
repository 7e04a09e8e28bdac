import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, watch } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ToolError, isSystemError } from '../../shared/errors.ts';
import { moveToCgroup } from './cgroups.ts';
import {
  type ProcessIdentity,
  identifyProcess,
  isRunning,
  killByArgument,
  signalProcess,
} from './processes.ts';
import { PROGRAM_PATH } from './run-program.ts';
import { saveFile } from './save-file.ts';

export interface NotifySocketsOptions {
  /** RUN.notify, or another folder on a tmpfs: `NAME/public/socket`, `NAME/messages`, `NAME/listener`. */
  readonly folder: string;
  /** The script init/notify-listener. */
  readonly script: string;
  readonly busybox: string;
  readonly bootId: string;
  /** Folder of the cgroup that listeners are moved into. */
  readonly cgroupFolder?: string;
}

const START_TIMEOUT_MS = 5000;
const SIGKILL = 9;

/**
 * Sockets on which services say that they are ready (sd_notify(3)). A listener, a process of its own, holds each and
 * writes what it hears into a file: nothing is lost while system-docker is being replaced.
 */
export class NotifySockets {
  readonly #options: NotifySocketsOptions;

  constructor(options: NotifySocketsOptions) {
    this.#options = options;
  }

  /**
   * Makes sure that a listener runs. Throws NOTIFY_NOT_LISTENING.
   *
   * @param fresh forget what was heard: another life of the service begins
   */
  async listen(name: string, fresh: boolean): Promise<void> {
    const { bootId } = this.#options;
    const known = this.#listener(name);
    if (!fresh && known !== undefined && isRunning(known, bootId) && existsSync(this.#socket(name))) return;
    await this.unlisten(name);
    if (fresh) await rm(this.#messages(name), { force: true });
    await rm(this.#socket(name), { force: true });
    // Only its own folder is given to the service, which must be able to pass through.
    await mkdir(join(this.#home(name), 'public'), { recursive: true, mode: 0o755 });
    await this.#startListener(name);
  }

  /** Ends a service's listener; no error when there is none. The folder stays: the service has it mounted. */
  async unlisten(name: string): Promise<void> {
    const known = this.#listener(name);
    if (known !== undefined) signalProcess(known, SIGKILL, this.#options.bootId);
    await rm(join(this.#home(name), 'listener'), { force: true });
  }

  /** Resolves once the service has said that it is ready; rejects with the signal's reason on abort. */
  async untilNotified(name: string, signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const changes = watch(this.#home(name), { signal: AbortSignal.any([signal, stop.signal]) });
    try {
      // The watch begins with the first step of the iterator; only then nothing is missed.
      const next = changes[Symbol.asyncIterator]();
      for (let change = next.next(); ; change = next.next()) {
        if (isReady(this.#read(name))) {
          stop.abort();
          await change.catch(() => undefined);
          return;
        }
        await change;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      stop.abort();
    }
  }

  #home(name: string): string {
    return join(this.#options.folder, name);
  }

  #messages(name: string): string {
    return join(this.#home(name), 'messages');
  }

  #socket(name: string): string {
    return join(this.#home(name), 'public/socket');
  }

  #read(name: string): string {
    try {
      return readFileSync(this.#messages(name), 'utf8');
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return '';
      throw error;
    }
  }

  #listener(name: string): ProcessIdentity | undefined {
    try {
      return JSON.parse(readFileSync(join(this.#home(name), 'listener'), 'utf8')) as ProcessIdentity;
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  async #startListener(name: string): Promise<void> {
    const { busybox, script, folder, bootId, cgroupFolder } = this.#options;
    const argv = ['unshare', '-m', busybox, 'sh', script, folder, name, busybox];
    // Left by an earlier life that was killed before it wrote down which process it is.
    killByArgument(`/slipway-notify/${name}/messages`, [busybox]);
    const child = spawn(busybox, argv, {
      // It outlives this process.
      detached: true,
      stdio: 'ignore',
      env: { PATH: PROGRAM_PATH },
    });
    const started = Promise.withResolvers<undefined>();
    child.once('error', started.reject);
    child.once('spawn', () => started.resolve(undefined));
    const failed = (why: string, cause?: unknown): ToolError =>
      new ToolError(`listening for the messages of ${name}: ${why}`, {
        code: 'NOTIFY_NOT_LISTENING',
        kind: 'environment',
        ...(cause === undefined ? {} : { cause }),
      });
    try {
      await started.promise;
    } catch (error) {
      throw failed('its listener does not start', error);
    }
    child.unref();
    const { pid = 0 } = child;
    if (cgroupFolder !== undefined) await moveToCgroup(cgroupFolder, pid);
    const identity = identifyProcess(pid, bootId);
    if (identity !== undefined) saveFile(join(this.#home(name), 'listener'), JSON.stringify(identity));
    const begun = performance.now();
    while (!existsSync(this.#socket(name))) {
      if (child.exitCode !== null || child.signalCode !== null) throw failed('its listener ended');
      if (performance.now() - begun > START_TIMEOUT_MS) throw failed('its listener makes no socket');
      await sleep(5);
    }
  }
}

/** Whether one of the messages, a line each after a time of 16 characters, has the field READY=1. */
export function isReady(messages: string): boolean {
  return messages.split('\n').some(line => line.slice(16).split(' ').includes('READY=1'));
}
