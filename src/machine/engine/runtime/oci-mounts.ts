import { isAbsolute, normalize } from 'node:path';
import type { HostConfig, MountRequest, SlipwayExtension } from '../../engine-api/wire.ts';
import { invalidParameter, notSupported } from '../docker-errors.ts';
import type { OciMount } from './oci-types.ts';

/** A mount, and whether a missing source folder is made on the host first, as Docker does for `-v`. */
export interface PlannedMount extends OciMount {
  readonly makeSource: boolean;
}

export interface MountNamespaces {
  readonly hostIpc: boolean;
  readonly hostPid: boolean;
  readonly hasCgroup: boolean;
}

const PROPAGATION = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];
/** Options of a bind that mean something to Docker on other systems or to its client only. */
const IGNORED = ['z', 'Z', 'nocopy', 'consistent', 'cached', 'delegated'];
const BIND_FLAGS = [
  'ro',
  'rw',
  'bind',
  'rbind',
  'nosuid',
  'nodev',
  'noexec',
  'noatime',
  'exec',
  'dev',
  'suid',
];

/**
 * The mounts of a container, in mounting order: the defaults every container has, then what the request
 * asks for, shallow destinations before those below them. A request's mount takes the place of a default
 * one with the same destination; one on /dev takes the place of everything below /dev too.
 * Throws ENGINE_INVALID_PARAMETER.
 */
export function planMounts(
  hostConfig: HostConfig,
  slipway: SlipwayExtension | undefined,
  namespaces: MountNamespaces,
): PlannedMount[] {
  const asked = parseAskedMounts(hostConfig, slipway);
  const seen = new Set<string>();
  for (const mount of asked) {
    if (seen.has(mount.destination)) throw invalidParameter(`Duplicate mount point: ${mount.destination}`);
    seen.add(mount.destination);
  }
  const defaults = defaultMounts(hostConfig, namespaces).filter(
    mount => !seen.has(mount.destination) && !(seen.has('/dev') && mount.destination.startsWith('/dev/')),
  );
  const sorted = asked
    .map((mount, index) => ({ mount, index, depth: depthOf(mount.destination) }))
    .sort((a, b) => a.depth - b.depth || a.index - b.index)
    .map(({ mount }) => mount);
  return [...defaults.map(mount => ({ ...mount, makeSource: false })), ...sorted];
}

/** The mounts that a request asks for, in its order. Throws ENGINE_INVALID_PARAMETER. */
export function parseAskedMounts(
  hostConfig: HostConfig,
  slipway: SlipwayExtension | undefined,
): PlannedMount[] {
  return [
    ...(hostConfig.Binds ?? []).map(parseBind),
    ...(hostConfig.Mounts ?? []).map(parseMountRequest),
    ...Object.entries(hostConfig.Tmpfs ?? {}).map(([destination, options]) =>
      parseTmpfs(destination, options),
    ),
    ...(slipway?.mounts ?? []).map(mount => ({
      type: mount.type,
      source: mount.source,
      destination: checkDestination(mount.destination),
      options: mount.options,
      makeSource: mount.type === 'bind',
    })),
  ];
}

/** Parses `source:destination[:options]`. Throws ENGINE_INVALID_PARAMETER with Docker's sentence. */
export function parseBind(text: string): PlannedMount {
  const [source = '', destination = '', options = '', ...more] = text.split(':');
  if (more.length > 0 || source === '' || destination === '') {
    throw invalidParameter(`invalid volume specification: '${text}'`);
  }
  if (!isAbsolute(source)) throw notSupported(`the volume "${source}" of '${text}'`);
  const words = options.split(',').filter(word => word !== '' && !IGNORED.includes(word));
  for (const word of words) {
    if (!PROPAGATION.includes(word) && !BIND_FLAGS.includes(word)) {
      throw invalidParameter(`invalid mode: ${options}`);
    }
  }
  return {
    type: 'bind',
    source: normalize(source),
    destination: checkDestination(destination),
    options: [
      words.includes('bind') ? 'bind' : 'rbind',
      words.find(word => PROPAGATION.includes(word)) ?? 'rprivate',
      ...words.filter(
        word => !PROPAGATION.includes(word) && word !== 'bind' && word !== 'rbind' && word !== 'rw',
      ),
    ],
    makeSource: true,
  };
}

function parseMountRequest(mount: MountRequest): PlannedMount {
  const destination = checkDestination(mount.Target);
  const readonly = mount.ReadOnly === true ? ['ro'] : [];
  switch (mount.Type) {
    case 'bind': {
      const propagation = mount.BindOptions?.Propagation ?? 'rprivate';
      if (!PROPAGATION.includes(propagation)) {
        throw invalidParameter(
          `invalid mount config for type "bind": invalid propagation mode ${propagation}`,
        );
      }
      if (mount.Source === undefined || !isAbsolute(mount.Source)) {
        throw invalidParameter('invalid mount config for type "bind": invalid mount path');
      }
      const recursion = mount.BindOptions?.NonRecursive === true ? 'bind' : 'rbind';
      return {
        type: 'bind',
        source: normalize(mount.Source),
        destination,
        options: [recursion, propagation, ...readonly],
        makeSource: false,
      };
    }
    case 'tmpfs': {
      const size = mount.TmpfsOptions?.SizeBytes;
      const mode = mount.TmpfsOptions?.Mode;
      return {
        type: 'tmpfs',
        source: 'tmpfs',
        destination,
        options: [
          'nosuid',
          'nodev',
          'noexec',
          ...readonly,
          ...(size === undefined || size === 0 ? [] : [`size=${size}`]),
          ...(mode === undefined || mode === 0 ? [] : [`mode=${mode.toString(8)}`]),
        ],
        makeSource: false,
      };
    }
    default:
      throw notSupported(`a mount of type "${mount.Type}"`);
  }
}

function parseTmpfs(destination: string, options: string): PlannedMount {
  const given = options.split(',').filter(word => word !== '');
  const has = (word: string, opposite: string): boolean => given.includes(word) || given.includes(opposite);
  return {
    type: 'tmpfs',
    source: 'tmpfs',
    destination: checkDestination(destination),
    options: [
      ...(has('nosuid', 'suid') ? [] : ['nosuid']),
      ...(has('nodev', 'dev') ? [] : ['nodev']),
      ...(has('noexec', 'exec') ? [] : ['noexec']),
      ...given,
    ],
    makeSource: false,
  };
}

function checkDestination(destination: string): string {
  if (!isAbsolute(destination)) {
    throw invalidParameter(`invalid mount path: '${destination}' mount path must be absolute`);
  }
  const path = normalize(destination).replace(/(.)\/+$/, '$1');
  if (path === '/') throw invalidParameter("invalid specification: destination can't be '/'");
  return path;
}

function depthOf(path: string): number {
  return path.split('/').length;
}

function defaultMounts(hostConfig: HostConfig, namespaces: MountNamespaces): OciMount[] {
  const privileged = hostConfig.Privileged === true;
  const access = privileged ? 'rw' : 'ro';
  const shmBytes =
    hostConfig.ShmSize !== undefined && hostConfig.ShmSize > 0 ? hostConfig.ShmSize : 67_108_864;
  const mount = (destination: string, type: string, source: string, ...options: string[]): OciMount => ({
    destination,
    type,
    source,
    options,
  });
  return [
    mount('/proc', 'proc', 'proc', 'nosuid', 'noexec', 'nodev'),
    mount('/dev', 'tmpfs', 'tmpfs', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
    mount(
      '/dev/pts',
      'devpts',
      'devpts',
      'nosuid',
      'noexec',
      'newinstance',
      'ptmxmode=0666',
      'mode=0620',
      'gid=5',
    ),
    mount('/sys', 'sysfs', 'sysfs', 'nosuid', 'noexec', 'nodev', access),
    ...(namespaces.hasCgroup
      ? [mount('/sys/fs/cgroup', 'cgroup', 'cgroup', access, 'nosuid', 'noexec', 'nodev')]
      : []),
    ...(namespaces.hostIpc
      ? [
          mount('/dev/mqueue', 'bind', '/dev/mqueue', 'rbind', 'nosuid', 'noexec', 'nodev'),
          mount('/dev/shm', 'bind', '/dev/shm', 'rbind', 'nosuid', 'noexec', 'nodev'),
        ]
      : [
          mount('/dev/mqueue', 'mqueue', 'mqueue', 'nosuid', 'noexec', 'nodev'),
          mount('/dev/shm', 'tmpfs', 'shm', 'nosuid', 'noexec', 'nodev', 'mode=1777', `size=${shmBytes}`),
        ]),
  ];
}
