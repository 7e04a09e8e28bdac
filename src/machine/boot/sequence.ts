import { messageOf } from '../../shared/errors.ts';
import { readUptime } from '../host/kernel.ts';
import type { BootContext } from './context.ts';
import { applyConfiguration } from './phases/configuration.ts';
import { announceReady } from './phases/ready.ts';
import { applySeed } from './phases/seed.ts';
import { bringUp } from './phases/services.ts';
import { mountState, resumeState } from './phases/state.ts';

/** One step of the boot. Phases are idempotent: one that was cut off is run again from its beginning. */
export interface BootPhase {
  readonly name: string;
  /** Answers a few words on what came of it. */
  readonly run: (context: BootContext) => Promise<string>;
  /** For a respawned system-docker: what a finished phase left in memory. */
  readonly resume?: (context: BootContext) => Promise<void> | void;
}

const CONFIGURATION: BootPhase = { name: 'configuration', run: applyConfiguration };
const STATE: BootPhase = { name: 'state', run: mountState, resume: resumeState };
const SEED: BootPhase = { name: 'seed', run: applySeed, resume: context => context.conditions.set('config') };
const ONBOOT: BootPhase = { name: 'onboot', run: context => bringUp(context, 'onboot') };
const SERVICES: BootPhase = {
  name: 'services',
  run: context => bringUp(context, 'services'),
  resume: context => context.runner.start(),
};
const READY: BootPhase = { name: 'ready', run: announceReady };

/** The boot, in the order in which phases are counted. */
export const BOOT_PHASES: readonly BootPhase[] = [CONFIGURATION, STATE, SEED, ONBOOT, SERVICES, READY];

/** The ready line waits this long for disks that no service waits for, such as a large one that is checked. */
const DISKS_PATIENCE_MS = 30_000;

/**
 * Runs the boot. Disks (state, then the seed, which is accepted by what state remembers) are looked at beside the services;
 * a service that needs them waits for the conditions `state` and `config`.
 */
export async function runBoot(context: BootContext): Promise<void> {
  await runPhase(context, CONFIGURATION);
  const disks = runLane(context, [STATE, SEED]);
  await runLane(context, [ONBOOT, SERVICES]);
  await Promise.race([disks, patience(DISKS_PATIENCE_MS, context.signal)]);
  await runPhase(context, READY);
  await disks;
}

async function runLane(context: BootContext, phases: readonly BootPhase[]): Promise<void> {
  for (const phase of phases) await runPhase(context, phase);
}

/** Runs or resumes one phase; a fault of it is said aloud, and the boot goes on. */
async function runPhase(context: BootContext, phase: BootPhase): Promise<void> {
  const { journal, log, signal } = context;
  signal.throwIfAborted();
  const known = journal.data.phases[phase.name];
  if (known?.endedAt !== undefined) {
    await phase.resume?.(context);
    return;
  }
  const startedAt = known?.startedAt ?? readUptime();
  journal.setPhase(phase.name, { startedAt });
  let detail: string;
  try {
    detail = await phase.run(context);
  } catch (error) {
    signal.throwIfAborted();
    detail = `failed: ${messageOf(error)}`;
    log.error(`phase ${phase.name}: ${detail}`);
  }
  const endedAt = readUptime();
  journal.setPhase(phase.name, { startedAt, endedAt, detail });
  if (phase === READY) return;
  const place = `${BOOT_PHASES.indexOf(phase) + 1}/${BOOT_PHASES.length}`;
  await context.say(`phase ${phase.name} (${place}): ${detail}, ${(endedAt - startedAt).toFixed(2)}s`);
}

function patience(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, durationMs);
    timer.unref();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
