import { mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgramOrThrow } from './run-program.ts';

const TIMEOUT_MS = 30_000;

export interface OverlayMount {
  /** Lower folders, the topmost first; with none it begins empty. */
  readonly lower: readonly string[];
  readonly upper: string;
  /** On the upper folder's file system, empty. */
  readonly work: string;
  readonly target: string;
  /** A folder for short links to the lower folders, in memory; emptied and filled here. */
  readonly links: string;
}

/**
 * Mounts an overlay. The lower folders are named through short relative links, because mount(2) takes
 * one page of options and an image may have a hundred layers. Throws PROGRAM_FAILED.
 */
export async function mountOverlay(busybox: string, overlay: OverlayMount): Promise<void> {
  const folders = `upperdir=${escapeOption(overlay.upper)},workdir=${escapeOption(overlay.work)}`;
  await mountStack(busybox, overlay, folders);
}

/** Mounts several lower folders, at least two, as one that nobody can write to. Throws PROGRAM_FAILED. */
export async function mountLayers(
  busybox: string,
  layers: Pick<OverlayMount, 'lower' | 'target' | 'links'>,
): Promise<void> {
  await mountStack(busybox, layers, 'ro');
}

async function mountStack(
  busybox: string,
  overlay: Pick<OverlayMount, 'lower' | 'target' | 'links'>,
  more: string,
): Promise<void> {
  mkdirSync(overlay.links, { recursive: true });
  for (const name of readdirSync(overlay.links)) rmSync(join(overlay.links, name), { recursive: true });
  // The kernel wants one at least.
  if (overlay.lower.length === 0) mkdirSync(join(overlay.links, '0'));
  for (const [index, folder] of overlay.lower.entries())
    symlinkSync(folder, join(overlay.links, String(index)));
  const lower = overlay.lower.map((_, index) => String(index)).join(':') || '0';
  const options = `lowerdir=${lower},${more}`;
  await runProgramOrThrow(
    [busybox, 'mount', '-t', 'overlay', '-o', options, 'overlay', overlay.target],
    `mounting the root file system at ${overlay.target}`,
    { timeoutMs: TIMEOUT_MS, cwd: overlay.links },
  );
}

/** Mounts an EROFS file read-only, through a loop device that goes away with the last user. Throws PROGRAM_FAILED. */
export async function mountErofs(busybox: string, file: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true, mode: 0o700 });
  await runProgramOrThrow(
    [busybox, 'mount', '-t', 'erofs', '-o', 'ro,nodev,loop', file, target],
    `mounting the layer ${file}`,
    { timeoutMs: TIMEOUT_MS },
  );
}

/** Mounts a tmpfs. Throws PROGRAM_FAILED. */
export async function mountTmpfs(busybox: string, target: string, options: readonly string[]): Promise<void> {
  await runProgramOrThrow(
    [busybox, 'mount', '-t', 'tmpfs', '-o', options.join(','), 'tmpfs', target],
    `mounting a tmpfs at ${target}`,
    { timeoutMs: TIMEOUT_MS },
  );
}

/** Unmounts everything that is mounted at `target`, the last first; no error when nothing is. */
export async function unmountAll(busybox: string, target: string): Promise<void> {
  for (let times = countMounts(target); times > 0; times -= 1) {
    await runProgramOrThrow([busybox, 'umount', '-l', target], `unmounting ${target}`, {
      timeoutMs: TIMEOUT_MS,
    });
  }
}

/** How many file systems are mounted exactly at `target`. */
export function countMounts(target: string): number {
  return listMountPoints().filter(point => point === target).length;
}

/** Mount points of this mount namespace, in mount order. */
export function listMountPoints(): string[] {
  return parseMountPoints(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** Mount points of a mountinfo text (proc(5)), with its octal escapes undone. */
export function parseMountPoints(mountinfo: string): string[] {
  return mountinfo
    .split('\n')
    .map(line => line.split(' ')[4])
    .filter(point => point !== undefined)
    .map(unescapeField);
}

/** What is mounted at `target`, such as `/dev/vda1`; undefined when nothing is. */
export function readMountSource(target: string): string | undefined {
  return parseMountSource(readFileSync('/proc/self/mountinfo', 'utf8'), target);
}

/** The source of the topmost mount at `target` in a mountinfo text (proc(5)). */
export function parseMountSource(mountinfo: string, target: string): string | undefined {
  const fields = mountinfo
    .split('\n')
    .map(line => line.split(' '))
    .findLast(line => line[4] !== undefined && unescapeField(line[4]) === target);
  // Optional fields end with a hyphen; then file system type, source, options.
  const source = fields?.[fields.indexOf('-', 6) + 2];
  return source === undefined ? undefined : unescapeField(source);
}

function unescapeField(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

function escapeOption(path: string): string {
  return path.replace(/[\\,:]/g, character => `\\${character}`);
}
