import { setTimeout as sleep } from 'node:timers/promises';
import { RUN, STATE } from '../../../shared/paths.ts';
import { messageOf } from '../../../shared/errors.ts';
import { readUptime } from '../../host/kernel.ts';
import { saveFile } from '../../host/save-file.ts';
import { checkStateDisk, formatStateDisk, mountStateDisk, readMountedState } from '../../host/state-disk.ts';
import { type StateChoice, chooseState, isFinalChoice, resumeChoice } from '../choose-state.ts';
import type { BootContext } from '../context.ts';
import { loadEarlyTimeline } from '../early-timeline.ts';
import type { StateRecord } from '../journal.ts';
import { probeDevices } from '../probe-devices.ts';
import { resolveStatePolicy, stateWaitSeconds } from '../state-policy.ts';

/** Disks of an NVMe or USB controller appear a little after its module is there. */
const SETTLE_S = 1.5;
const POLL_MS = 100;

/** Finds, checks and mounts state, or decides that there is none; either way for the whole boot. */
export async function mountState(context: BootContext): Promise<string> {
  const { journal, conditions } = context;
  try {
    const record = await decideState(context);
    journal.update({ state: record });
    await attachState(context, record);
    return record.detail;
  } finally {
    conditions.set('state');
  }
}

/** For a respawned system-docker: what was decided holds. */
export async function resumeState(context: BootContext): Promise<void> {
  try {
    await attachState(context, context.journal.data.state ?? { detail: 'none' });
  } catch (error) {
    context.signal.throwIfAborted();
    // The services go on all the same.
    await warn(context, messageOf(error));
  } finally {
    context.conditions.set('state');
  }
}

/** From when on no more disks are expected that are there at all, in seconds of uptime. */
export function settledAt(): number {
  const core = loadEarlyTimeline(RUN.earlyTimeline).findLast(step => step.name === 'core');
  return (core?.endedAt ?? 0) + SETTLE_S;
}

async function decideState(context: BootContext): Promise<StateRecord> {
  const mounted = readMountedState();
  if (mounted !== undefined) return { device: mounted, detail: `${mounted}, mounted by an earlier life` };
  try {
    const choice = await findState(context);
    if (choice.kind === 'none') {
      if (choice.why === 'ambiguous' || choice.why === 'unusable') await warn(context, choice.detail);
      return { detail: `none: ${choice.detail}` };
    }
    const { path } = choice.device;
    context.journal.update({
      begunState: {
        kind: choice.kind,
        device: path,
        ...(choice.kind === 'format' ? { label: choice.label } : {}),
      },
    });
    if (choice.kind === 'format') {
      await context.say(`slipway: formatting ${path}, which is blank, as state`);
      await formatStateDisk(path, choice.label);
      await mountStateDisk(path);
      return { device: path, detail: `${path}, formatted` };
    }
    const found = await checkStateDisk(path);
    await mountStateDisk(path);
    return { device: path, detail: `${path}, ${found}` };
  } catch (error) {
    context.signal.throwIfAborted();
    // A boot never needs a disk.
    await warn(context, messageOf(error));
    return { detail: `none: ${messageOf(error)}` };
  }
}

/** Looks until there is something to use, or it is time to go on without. */
async function findState(context: BootContext): Promise<StateChoice> {
  const { begunState } = context.journal.data;
  if (begunState !== undefined) {
    const begun = resumeChoice(await probeDevices(false), begunState);
    if (begun !== undefined) return begun;
  }
  const policy = resolveStatePolicy(context.image, context.cmdline);
  const settled = settledAt();
  const until = Math.max(settled, readUptime() + stateWaitSeconds(context.cmdline));
  for (;;) {
    const probedAt = readUptime();
    const devices = policy.trust === 'none' ? [] : await probeDevices(policy.format !== false);
    const choice = chooseState(devices, policy);
    if (isFinalChoice(choice, policy, { probedAt, settledAt: settled, until })) return choice;
    await sleep(POLL_MS, undefined, { signal: context.signal });
  }
}

async function attachState(context: BootContext, record: StateRecord): Promise<void> {
  try {
    if (record.device === undefined) return;
    saveFile(RUN.state, `${record.device}\n`, { mode: 0o644 });
    await context.engine.attachState(STATE.engine);
  } finally {
    // Not before, since state may have settings of its own.
    await context.engine.applySettings();
  }
}

async function warn(context: BootContext, detail: string): Promise<void> {
  context.log.warning(`state: ${detail}`);
  await context.say(`slipway: no state is used: ${detail}`);
}
