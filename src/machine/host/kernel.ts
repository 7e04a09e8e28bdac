import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { ToolError, isSystemError, messageOf } from '../../shared/errors.ts';
import { parseKernelCmdline } from '../../shared/kernel-cmdline.ts';

/** Seconds since the kernel started, to the hundredth. */
export function readUptime(): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
}

export function readKernelLine(): string {
  return readFileSync('/proc/cmdline', 'utf8').trim();
}

/** Sets the kernel's host name. */
export function applyHostname(name: string): void {
  writeFileSync('/proc/sys/kernel/hostname', name);
}

const SYSCTL = /^[a-z0-9_-]+(?:[./][A-Za-z0-9_*-]+)+$/;

/** Sets one sysctl (`net.ipv4.ip_forward` or `net/ipv4/…`). Throws SYSCTL_NOT_SET. */
export function applySysctl(key: string, value: string): void {
  const refuse = (why: string): never => {
    throw new ToolError(`setting sysctl ${key}: ${why}`, { code: 'SYSCTL_NOT_SET', kind: 'environment' });
  };
  if (!SYSCTL.test(key)) return refuse('not the name of a sysctl');
  // As sysctl(8): the first separator decides which of the two stands for a folder.
  const path = /^[^./]*\./.test(key) ? key.replace(/[./]/g, sign => (sign === '.' ? '/' : '.')) : key;
  try {
    writeFileSync(`/proc/sys/${path}`, value);
  } catch (error) {
    return refuse(isSystemError(error, 'ENOENT') ? 'this kernel has no such sysctl' : messageOf(error));
  }
}

/** What the kernel prints unless told otherwise: everything but what is for debugging. */
const LOUD = '7';
/** Warnings and worse. */
const CALM = '5';

/**
 * Keeps the kernel's news off the consoles, where people type: each container has some of bridges and mounts. They stay
 * in its log. Whoever has chosen a level (`loglevel=` or `quiet` on the kernel's line, a sysctl of another one) keeps it.
 */
export function quietConsoles(
  file = '/proc/sys/kernel/printk',
  kernelLine: () => string = readKernelLine,
): void {
  const [level] = readFileSync(file, 'utf8').split(/\s/);
  if (level !== LOUD) return;
  // The same number may have been asked for.
  const isChosen = parseKernelCmdline(kernelLine()).words.some(({ key }) => key === 'loglevel');
  if (!isChosen) writeFileSync(file, CALM);
}

/** True when there is a network interface with a device behind it: not the loopback, a bridge or a veth. */
export function hasNetworkCard(root = '/sys/class/net'): boolean {
  return readdirSync(root).some(name => existsSync(`${root}/${name}/device`));
}
