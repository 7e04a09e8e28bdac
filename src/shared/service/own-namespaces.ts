import type { ServiceConfig } from '../schema/manifest.gen.ts';
import { pointerTo } from '../yaml/parse.ts';
import type { ReportFault } from './config.ts';

type Namespace = 'net' | 'ipc' | 'uts';

const IPC_NAMES: ReadonlySet<string> = new Set(
  'msgmax msgmnb msgmni sem shmall shmmax shmmni shm_rmid_forced'.split(' ').map(name => `kernel.${name}`),
);
const WHOLE_MACHINE = 'write it into the "sysctl" of the manifest itself, which is for the whole machine';

/** The namespace that a kernel parameter belongs to; undefined for one of the whole machine. */
function namespaceOf(sysctl: string): Namespace | undefined {
  // As sysctl(8): the first separator decides which of the two stands for a folder.
  const name = /^[^./]*\//.test(sysctl)
    ? sysctl.replace(/[./]/g, sign => (sign === '/' ? '.' : '/'))
    : sysctl;
  if (name.startsWith('net.')) return 'net';
  if (IPC_NAMES.has(name) || name.startsWith('fs.mqueue.')) return 'ipc';
  return name === 'kernel.domainname' ? 'uts' : undefined;
}

/** Reports kernel parameters that no container can have for itself, and a host name without a namespace. */
export function checkNamespaced(config: ServiceConfig, report: ReportFault): void {
  for (const name of Object.keys(config.sysctl ?? {})) {
    const pointer = pointerTo('/sysctl', name);
    if (/^kernel[./]hostname$/.test(name)) report(pointer, `${name} is another key`, 'use "hostname"');
    else if (namespaceOf(name) === undefined)
      report(pointer, `${name} is not a kernel parameter of a container`, WHOLE_MACHINE);
  }
  const { hostname, uts } = config;
  if (hostname !== undefined && uts !== undefined && uts !== 'new') {
    const message = `a host name needs a namespace of its own, but "uts" is ${uts}`;
    report('/hostname', message, 'add "uts: new"');
  }
}

/**
 * Reports kernel parameters of a namespace that is not the service's own: the container would not start.
 *
 * @param isComplete whether the image's part is in it; else only what is written counts
 */
export function checkOwnNamespaces(config: ServiceConfig, isComplete: boolean, report: ReportFault): void {
  const shared = isComplete ? 'host' : undefined;
  const modes: Readonly<Record<Namespace, string | undefined>> = {
    net: config.net ?? shared,
    ipc: config.ipc ?? shared,
    uts: config.uts ?? (config.hostname === undefined ? shared : 'new'),
  };
  if (config.pod !== undefined) return;
  for (const name of Object.keys(config.sysctl ?? {})) {
    const namespace = namespaceOf(name);
    if (namespace === undefined || modes[namespace] !== 'host') continue;
    const message = `${name} would be the machine's: the service has no ${namespace} namespace of its own`;
    report(pointerTo('/sysctl', name), message, `add "${namespace}: new", or ${WHOLE_MACHINE}`);
  }
}
