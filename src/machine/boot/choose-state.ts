import type { BlockDevice } from '../host/block-devices.ts';
import type { Superblock } from '../host/superblock.ts';
import { STATE } from '../../shared/paths.ts';

/** A device with what was found on it. */
export interface ProbedDevice extends BlockDevice {
  readonly superblock?: Superblock;
  /** The first MiB is zeros. Only looked at where formatting is asked for. */
  readonly blank: boolean;
}

/** `/dev/NAME`, a label, the UUID of a file system. */
export type WantedState =
  | { readonly device: string }
  | { readonly label: string }
  | { readonly uuid: string }
  | { readonly unknown: string };

/** What the manifest and the kernel line say about state. */
export interface StatePolicy {
  /** The manifest's `trust.state`. */
  readonly trust: 'fixed' | 'any' | 'none';
  /** What the kernel line names instead of the usual labels; `unknown` is a name that this system has not. */
  readonly wanted?: WantedState;
  /** Format a blank disk: any (`true`), or the first of these that is blank. */
  readonly format: boolean | readonly string[];
}

export type StateChoice =
  | { readonly kind: 'mount'; readonly device: ProbedDevice }
  | { readonly kind: 'format'; readonly device: ProbedDevice; readonly label: string }
  /** `ambiguous` and `unusable` are said aloud; `absent` is the usual machine without a disk. */
  | {
      readonly kind: 'none';
      readonly why: 'disabled' | 'absent' | 'ambiguous' | 'unusable';
      readonly detail: string;
    };

/** When the devices were looked at, and how long there is reason to wait; in seconds of uptime. */
export interface ProbeTimes {
  /** Before the first device was looked at. */
  readonly probedAt: number;
  /** From then on no more disks are expected that are there at all. */
  readonly settledAt: number;
  /** Until then a state disk is waited for. */
  readonly until: number;
}

/**
 * True when a choice need not be looked for again. A labelled disk is taken only once disks have settled, because a
 * second one, or a fixed one beside a removable one, changes the choice; a blank one only when no labelled one is
 * waited for any more.
 */
export function isFinalChoice(choice: StateChoice, policy: StatePolicy, times: ProbeTimes): boolean {
  if (times.probedAt >= times.until) return true;
  if (choice.kind === 'none') return choice.why === 'disabled';
  if (choice.kind === 'format') return false;
  // No other disk can be the one that the kernel line names.
  const isNamed = policy.wanted !== undefined && 'device' in policy.wanted;
  return isNamed || times.probedAt >= times.settledAt;
}

/** What an earlier life of system-docker had begun to do with a device. */
export interface BegunState {
  readonly kind: 'mount' | 'format';
  /** `/dev/NAME` */
  readonly device: string;
  /** The label that a disk is formatted with. */
  readonly label?: string;
}

/**
 * The choice to go on with after system-docker was killed in the midst of it: a disk that is being formatted is neither
 * blank nor labelled. Undefined when the device is gone or holds something else by now; then it is chosen anew.
 */
export function resumeChoice(devices: readonly ProbedDevice[], begun: BegunState): StateChoice | undefined {
  const device = devices.find(({ path }) => path === begun.device);
  if (device === undefined) return undefined;
  const { superblock } = device;
  if (begun.kind === 'mount') return superblock?.type === 'ext4' ? { kind: 'mount', device } : undefined;
  // mke2fs was cut off, before or after it had written the first superblock.
  const label = begun.label ?? STATE.labels[0];
  const isOurs = superblock === undefined || (superblock.type === 'ext4' && superblock.label === label);
  return isOurs && !device.readOnly && !device.inUse ? { kind: 'format', device, label } : undefined;
}

/** A disk smaller than this is not formatted. */
const MIN_BYTES = 16 * 1024 * 1024;

/**
 * Decides where state is (design D18): fixed disks first, removable ones only if the manifest trusts them and no
 * fixed disk has any; two candidates mean that none is used, because one of them may have been plugged in to
 * take the machine over.
 */
export function chooseState(devices: readonly ProbedDevice[], policy: StatePolicy): StateChoice {
  if (policy.trust === 'none') return none('disabled', 'the image does not use state');
  const { wanted } = policy;
  if (wanted !== undefined && 'unknown' in wanted) {
    return none('unusable', `"${wanted.unknown}" names no state: write /dev/NAME, LABEL=NAME or UUID=ID`);
  }
  const matches = devices.filter(device => isWanted(device, wanted));
  // A device named on the kernel line was chosen by whoever owns the machine.
  const named = wanted !== undefined && 'device' in wanted;
  const usable = named ? matches : matches.filter(device => device.superblock?.type === 'ext4');
  const fixed = named ? usable : usable.filter(device => !device.removable);
  const candidates = fixed.length > 0 || policy.trust === 'fixed' ? fixed : usable;

  const [first, second] = candidates;
  if (second !== undefined) {
    const names = candidates.map(device => device.path).join(', ');
    return none('ambiguous', `${names} are all labelled as state; none of them is used`);
  }
  if (first !== undefined) {
    if (first.superblock?.type !== 'ext4') return none('unusable', `${first.path} does not hold ext4`);
    if (first.readOnly) return none('unusable', `${first.path} is write-protected`);
    return { kind: 'mount', device: first };
  }
  const blank = chooseBlank(devices, policy);
  if (blank !== undefined) {
    return { kind: 'format', device: blank, label: labelOf(wanted) };
  }
  const [ignored, other] = [usable, matches].map(list => list.map(device => device.path).join(', '));
  if (ignored !== '') {
    return none(
      'unusable',
      `${ignored} could be plugged in by anyone and is not trusted (trust.state: any allows it)`,
    );
  }
  if (other !== '') return none('unusable', `${other} is labelled as state but does not hold ext4`);
  return none('absent', 'no disk is labelled as state');
}

function isWanted({ path, superblock }: ProbedDevice, wanted: WantedState | undefined): boolean {
  if (superblock === undefined) return false;
  if (wanted !== undefined && 'device' in wanted) return path === wanted.device;
  if (wanted !== undefined && 'uuid' in wanted) return superblock.uuid === wanted.uuid;
  const label = labelOf(wanted);
  // The usual labels stand for each other, whichever of them a kernel line names.
  return isUsual(label) ? isUsual(superblock.label) : superblock.label === label;
}

function isUsual(label: string): boolean {
  return STATE.labels.some(usual => usual === label);
}

/** The label that state has, or is given when a disk is formatted. */
function labelOf(wanted: WantedState | undefined): string {
  return wanted !== undefined && 'label' in wanted ? wanted.label : STATE.labels[0];
}

/** The disk that may be formatted: whole, fixed (unless named), writable, without anything on it. */
function chooseBlank(
  devices: readonly ProbedDevice[],
  { format, wanted }: StatePolicy,
): ProbedDevice | undefined {
  if (format === false || (wanted !== undefined && 'uuid' in wanted)) return undefined;
  const fit = devices.filter(
    device => device.blank && !device.readOnly && !device.inUse && device.sizeBytes >= MIN_BYTES,
  );
  // Where a device is named, no other is touched, whatever else may be formatted.
  if (wanted !== undefined && 'device' in wanted) {
    const mayBe = format === true || format.includes(wanted.device);
    return mayBe ? fit.find(device => device.path === wanted.device) : undefined;
  }
  if (format === true) return fit.find(device => !device.removable && device.disk === undefined);
  for (const path of format) {
    const found = fit.find(device => device.path === path);
    if (found !== undefined) return found;
  }
  return undefined;
}

function none(why: 'disabled' | 'absent' | 'ambiguous' | 'unusable', detail: string): StateChoice {
  return { kind: 'none', why, detail };
}
