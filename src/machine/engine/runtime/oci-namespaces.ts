import type { HostConfig } from '../../engine-api/wire.ts';
import { invalidParameter, notSupported } from '../docker-errors.ts';
import type { OciNamespace } from './oci-types.ts';

/** Finds the pid of a running container by name or id; throws if it is not there or does not run. */
export type FindPid = (nameOrId: string) => number;

type Kind = 'network' | 'pid' | 'ipc' | 'uts' | 'cgroup';

const PROC_NAMES: Readonly<Record<Kind, string>> = {
  network: 'net',
  pid: 'pid',
  ipc: 'ipc',
  uts: 'uts',
  cgroup: 'cgroup',
};

/** The namespaces a container is given; one that is missing from the list is the host's. */
export interface NamespacePlan {
  readonly namespaces: readonly OciNamespace[];
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  readonly hostNetwork: boolean;
  readonly hostUts: boolean;
}

/**
 * Reads the namespace modes: `host`, the empty word or `private` for one of its own, `container:NAME`,
 * or the absolute path of an existing namespace. Networks: `host`, `none`, `container:NAME`, a path;
 * bridges are refused. Throws ENGINE_INVALID_PARAMETER, ENGINE_NOT_SUPPORTED.
 */
export function planNamespaces(hostConfig: HostConfig, findPid: FindPid): NamespacePlan {
  const network = networkMode(hostConfig.NetworkMode ?? 'default');
  const uts = hostConfig.UTSMode ?? '';
  const list = [
    planOne('pid', hostConfig.PidMode ?? '', findPid),
    planOne('network', network, findPid),
    planOne('ipc', hostConfig.IpcMode ?? '', findPid),
    // A container that joins another's network shares its host name as well, as in Docker.
    planOne('uts', uts === '' && network.startsWith('container:') ? network : uts, findPid),
    planOne('cgroup', hostConfig.CgroupnsMode ?? '', findPid),
  ].filter(namespace => namespace !== undefined);
  const isHost = (type: OciNamespace['type']): boolean => !list.some(namespace => namespace.type === type);
  return {
    namespaces: [{ type: 'mount' }, ...list],
    hostPid: isHost('pid'),
    hostIpc: isHost('ipc'),
    hostNetwork: isHost('network'),
    hostUts: isHost('uts'),
  };
}

function networkMode(mode: string): string {
  if (mode === 'none' || mode === 'new') return 'private';
  if (mode === 'host' || mode.startsWith('container:') || mode.startsWith('/')) return mode;
  throw notSupported(`the network "${mode}" (only host, none and container:NAME are)`);
}

function planOne(type: Kind, mode: string, findPid: FindPid): OciNamespace | undefined {
  if (mode === 'host') return undefined;
  if (['', 'private', 'new', 'shareable', 'none'].includes(mode)) return { type };
  if (mode.startsWith('/')) return { type, path: mode };
  if (mode.startsWith('container:')) {
    return { type, path: `/proc/${findPid(mode.slice('container:'.length))}/ns/${PROC_NAMES[type]}` };
  }
  throw invalidParameter(`invalid ${type} mode: ${mode}`);
}
