import { ToolError } from '../../../shared/errors.ts';
import { ContentReader } from '../../../shared/fs/content-reader.ts';
import type { Tree } from '../../tree/tree.ts';

const BUSYBOX = 'usr/bin/busybox';

/** Where two applets that stand next to each other in every build begin the list of names. */
const ANCHOR = Buffer.from('\0acpid\0adjtimex\0');

/** Applets whose usual place is /usr/sbin, as callers name them by their full path. */
const IN_SBIN: ReadonlySet<string> = new Set([
  'acpid',
  'fdisk',
  'getty',
  'init',
  'insmod',
  'losetup',
  'lsmod',
  'mkswap',
  'modprobe',
  'pivot_root',
  'rmmod',
  'sulogin',
  'swapoff',
  'swapon',
  'switch_root',
  'sysctl',
]);

/** Applets that would claim to manage packages, and those that scripts of init/ stand for. */
const UNWANTED: ReadonlySet<string> = new Set([
  'busybox',
  'dpkg',
  'dpkg-deb',
  'halt',
  'linuxrc',
  'poweroff',
  'reboot',
  'rpm',
  'rpm2cpio',
]);

/**
 * Links the names of all programs inside of busybox to it, but not where a program of that name is there
 * already. Names are read from the busybox of the tree. Throws BUSYBOX_UNKNOWN when that is not possible.
 */
export function putBusyboxLinks(tree: Tree): void {
  using reader = new ContentReader();
  const busybox = tree.lookup(BUSYBOX);
  const names = busybox?.kind === 'file' ? appletNames(reader.readAll(busybox.content)) : [];
  if (names.length === 0) {
    throw new ToolError('assembling busybox: its list of programs was not found', {
      code: 'BUSYBOX_UNKNOWN',
      kind: 'unsupported',
      hint: 'lock the version of busybox-static that this version of Slipway was made for',
    });
  }
  for (const name of names) {
    if (UNWANTED.has(name) || tree.has(`usr/bin/${name}`) || tree.has(`usr/sbin/${name}`)) continue;
    tree.symlink(`usr/${IN_SBIN.has(name) ? 'sbin' : 'bin'}/${name}`, `/${BUSYBOX}`);
  }
}

/** Names of the applets in a busybox, sorted; they stand together in it, each ended by a NUL. */
export function appletNames(busybox: Uint8Array): string[] {
  const bytes = Buffer.from(busybox.buffer, busybox.byteOffset, busybox.length);
  const start = bytes.indexOf(ANCHOR);
  const end = start < 0 ? -1 : bytes.indexOf(Buffer.from('\0\0'), start);
  if (end < 0 || end - start > 16_384) return [];
  const names = bytes.toString('latin1', start + 1, end).split('\0');
  return names.every(name => /^[a-z0-9_.-]+$/.test(name)) ? ['[', '[[', ...names] : [];
}
