import { spawn } from 'node:child_process';
import { RUN } from '../../shared/paths.ts';
import { readFileSync, writeFileSync } from 'node:fs';
import { isSystemError } from '../../shared/errors.ts';
import { PROGRAM_PATH } from './run-program.ts';

export type PowerAction = 'poweroff' | 'reboot' | 'halt';

export const POWER_ACTIONS: readonly PowerAction[] = ['poweroff', 'reboot', 'halt'];

/** Signals of busybox init. */
const SIGNALS: Readonly<Record<PowerAction, NodeJS.Signals>> = {
  poweroff: 'SIGUSR2',
  reboot: 'SIGTERM',
  halt: 'SIGUSR1',
};

/** What the machine is going down for; undefined while it is not. */
export function readPowerAction(): PowerAction | undefined {
  try {
    const text = readFileSync(RUN.shutdown, 'utf8').trim();
    return POWER_ACTIONS.find(action => action === text) ?? 'poweroff';
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Asks PID 1 to take the machine down; its shutdown script then ends system-docker. The first request wins. */
export function requestPower(action: PowerAction): PowerAction {
  try {
    writeFileSync(RUN.shutdown, `${action}\n`, { flag: 'wx' });
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
    // Whoever asked first may have been killed before PID 1 was told; hearing it twice does no harm.
    const first = readPowerAction() ?? action;
    process.kill(1, SIGNALS[first]);
    return first;
  }
  process.kill(1, SIGNALS[action]);
  return action;
}

/** Opens the rescue path (login, shell or reboot as the image says) and does not wait for it. */
export function openRescue(): void {
  spawn('/usr/lib/slipway/rescue-console', [], {
    detached: true,
    stdio: 'ignore',
    env: { PATH: PROGRAM_PATH },
  }).unref();
}
