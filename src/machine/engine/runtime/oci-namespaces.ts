import type { HostConfig } from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';
import type { OciNamespace } from './oci-types.ts';

/** The kinds of namespaces whose mode a request can choose. */
export type NamespaceKind = 'network' | 'pid' | 'ipc' | 'uts' | 'cgroup';

/** Finds the pid of a running container by name or id; throws if it is not there or does not run. */
export type FindPid = (nameOrId: string, kind: NamespaceKind) => number;

const PROC_NAMES: Readonly<Record<NamespaceKind, string>> = {
  network: 'net',
  pid: 'pid',
  ipc: 'ipc',
  uts: 'uts',
  cgroup: 'cgroup',
};

/** As Docker's sentences spell them. */
export const NAMESPACE_WORDS: Readonly<Record<NamespaceKind, string>> = {
  network: 'network',
  pid: 'PID',
  ipc: 'IPC',
  uts: 'UTS',
  cgroup: 'cgroup namespace',
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
 * or the absolute path of an existing namespace. Networks: `host`, `none`, `container:NAME`, a path.
 * Throws ENGINE_INVALID_PARAMETER.
 * @param networkPath the network namespace that the engine has made for it; its mode says nothing then
 */
export function planNamespaces(
  hostConfig: HostConfig,
  findPid: FindPid,
  networkPath?: string,
): NamespacePlan {
  const network = networkPath ?? networkMode(hostConfig.NetworkMode ?? 'none');
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

/** Refuses modes of a client's request that mean nothing. Throws ENGINE_INVALID_PARAMETER. */
export function checkNamespaceModes(hostConfig: HostConfig): void {
  const modes: readonly [NamespaceKind, string | undefined, RegExp][] = [
    ['pid', hostConfig.PidMode, /^(host|private|container:.+)?$/],
    ['ipc', hostConfig.IpcMode, /^(host|none|private|shareable|container:.+)?$/],
    ['uts', hostConfig.UTSMode, /^(host|private)?$/],
  ];
  for (const [kind, mode = '', valid] of modes) {
    if (!valid.test(mode)) throw invalidParameter(`invalid ${NAMESPACE_WORDS[kind]} mode: ${mode}`);
  }
}

function networkMode(mode: string): string {
  if (mode === 'none' || mode === 'new') return 'private';
  if (mode === 'host' || mode.startsWith('container:') || mode.startsWith('/')) return mode;
  throw invalidParameter(`invalid network mode: ${mode}`);
}

function planOne(kind: NamespaceKind, mode: string, findPid: FindPid): OciNamespace | undefined {
  if (mode === 'host') return undefined;
  if (['', 'private', 'new', 'shareable', 'none'].includes(mode)) return { type: kind };
  if (mode.startsWith('/')) return { type: kind, path: mode };
  if (mode.startsWith('container:')) {
    const pid = findPid(mode.slice('container:'.length), kind);
    return { type: kind, path: `/proc/${pid}/ns/${PROC_NAMES[kind]}` };
  }
  throw invalidParameter(`invalid ${NAMESPACE_WORDS[kind]} mode: ${mode}`);
}
