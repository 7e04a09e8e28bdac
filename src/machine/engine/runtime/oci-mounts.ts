import { isAbsolute, normalize } from 'node:path';
import type { HostConfig, MountRequest, SlipwayExtension } from '../../engine-api/wire.ts';
import { invalidParameter, notSupported } from '../docker-errors.ts';
import { nonEmpty } from '../non-empty.ts';
import type { OciMount } from './oci-types.ts';

/** A mount, and whether a missing source folder is made on the host first, as Docker does for `-v`. */
export interface PlannedMount extends OciMount {
  readonly makeSource: boolean;
}

export interface MountNamespaces {
  readonly hostIpc: boolean;
  readonly hostPid: boolean;
  readonly hasCgroup: boolean;
  /** A folder of the machine that is /dev/shm, where it is shared with other containers. */
  readonly shm?: string;
}

const PROPAGATION = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];
/** Stands for BindOptions.ReadOnlyNonRecursive until the options are final. */
const ONLY_THIS = 'ro-non-recursive';
/** Options of a bind that mean something to Docker on other systems or to its client only. */
const IGNORED = ['z', 'Z', 'nocopy', 'consistent', 'cached', 'delegated'];
/** Flags and data that mount(8) knows for a tmpfs. */
const TMPFS_WORDS =
  /^(?:(?:no)?(?:suid|dev|exec|atime|diratime|relatime|strictatime|lazytime|mand|tmpcopyup)|r[ow]|(?:a|dir)?sync|r?(?:private|shared|slave|unbindable)|noswap|inode(?:32|64)|(?:size|nr_inodes|nr_blocks|mode|uid|gid|huge|mpol)=[\w:%,=.-]+)$/;
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
 * @param volumes the mounts of volumes, which the request only names
 * @param own the engine's own, such as /etc/hosts, where the request has nothing at the same destination
 */
export function planMounts(
  hostConfig: HostConfig,
  slipway: SlipwayExtension | undefined,
  namespaces: MountNamespaces,
  volumes: readonly PlannedMount[] = [],
  own: readonly PlannedMount[] = [],
): PlannedMount[] {
  const asked = [...parseAskedMounts(hostConfig, slipway), ...volumes];
  const seen = new Set<string>();
  for (const mount of asked) {
    if (seen.has(mount.destination)) throw invalidParameter(`Duplicate mount point: ${mount.destination}`);
    seen.add(mount.destination);
  }
  asked.push(...own.filter(mount => !seen.has(mount.destination)));
  const defaults = defaultMounts(hostConfig, namespaces).filter(
    mount => !seen.has(mount.destination) && !(seen.has('/dev') && mount.destination.startsWith('/dev/')),
  );
  const sorted = asked
    .map((mount, index) => ({ mount, index, depth: depthOf(mount.destination) }))
    .sort((a, b) => a.depth - b.depth || a.index - b.index)
    .map(({ mount }) => mount);
  return [...defaults.map(mount => ({ ...mount, makeSource: false })), ...sorted];
}

/** The mounts that a request asks for, in its order, without volumes. Throws ENGINE_INVALID_PARAMETER. */
export function parseAskedMounts(
  hostConfig: HostConfig,
  slipway: SlipwayExtension | undefined,
): PlannedMount[] {
  return [
    ...[
      ...(hostConfig.Binds ?? []).filter(text => !isVolumeBind(text)).map(parseBind),
      ...(hostConfig.Mounts ?? []).filter(mount => mount.Type !== 'volume').map(parseMountRequest),
      // What a service binds is as its recipe says; a client's read-only bind is so all the way down.
    ].map(mount => (slipway === undefined ? readOnlyBelow(mount) : mount)),
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

/** Mounts within a read-only bind are read-only as well (`rro`), unless the request names this mount alone. */
function readOnlyBelow(mount: PlannedMount): PlannedMount {
  const { options } = mount;
  if (mount.type !== 'bind' || !options.includes('ro') || !options.includes('rbind')) return mount;
  if (options.includes(ONLY_THIS)) {
    return { ...mount, options: options.filter(option => option !== ONLY_THIS) };
  }
  // What is mounted within a shared or slave bind would go through to the machine.
  return options.includes('rprivate') ? { ...mount, options: [...options, 'rro'] } : mount;
}

/** Whether an entry of `Binds` names a volume (`name:destination`, or a destination alone), and no path of the host. */
export function isVolumeBind(text: string): boolean {
  const [source = '', ...more] = text.split(':');
  return more.length === 0 || (source !== '' && !isAbsolute(source));
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
    destination: checkDestination(
      destination,
      `invalid volume specification: '${text}': invalid mount config for type "bind": `,
    ),
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
  const refuse = (why: string): never => {
    throw invalidParameter(`invalid mount config for type "${mount.Type}": ${why}`);
  };
  if (mount.Type !== 'bind' && mount.Type !== 'tmpfs') return refuse('mount type unknown');
  if (mount.Target === '') return refuse('field Target must not be empty');
  if (mount.VolumeOptions !== undefined) return refuse('field VolumeOptions must not be specified');
  const destination = checkDestination(mount.Target);
  const readonly =
    mount.ReadOnly !== true
      ? []
      : mount.BindOptions?.ReadOnlyNonRecursive === true
        ? ['ro', ONLY_THIS]
        : ['ro'];
  switch (mount.Type) {
    case 'bind': {
      const propagation = nonEmpty(mount.BindOptions?.Propagation) ?? 'rprivate';
      if (!PROPAGATION.includes(propagation)) return refuse(`invalid propagation mode: ${propagation}`);
      if (mount.TmpfsOptions !== undefined) return refuse('field TmpfsOptions must not be specified');
      if (mount.Source === undefined || mount.Source === '') {
        return refuse('field Source must not be empty');
      }
      if (!isAbsolute(mount.Source)) {
        return refuse(`invalid mount path: '${mount.Source}' mount path must be absolute`);
      }
      const recursion = mount.BindOptions?.NonRecursive === true ? 'bind' : 'rbind';
      return {
        type: 'bind',
        source: normalize(mount.Source),
        destination,
        options: [recursion, propagation, ...readonly],
        makeSource: mount.BindOptions?.CreateMountpoint === true,
      };
    }
    case 'tmpfs': {
      if (mount.BindOptions !== undefined) return refuse('field BindOptions must not be specified');
      if (mount.Source !== undefined && mount.Source !== '') {
        return refuse('field Source must not be specified');
      }
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
  }
}

function parseTmpfs(destination: string, options: string): PlannedMount {
  const given = options.split(',').filter(word => word !== '');
  for (const word of given) {
    if (!TMPFS_WORDS.test(word)) throw invalidParameter(`invalid tmpfs option ${JSON.stringify([word])}`);
  }
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

/** @param doing what the sentence begins with */
function checkDestination(destination: string, doing = ''): string {
  if (!isAbsolute(destination)) {
    throw invalidParameter(`${doing}invalid mount path: '${destination}' mount path must be absolute`);
  }
  const path = normalize(destination).replace(/(.)\/+$/, '$1');
  if (path === '/') throw invalidParameter(`${doing}invalid specification: destination can't be '/'`);
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
          ...(hostConfig.IpcMode === 'none'
            ? []
            : namespaces.shm === undefined
              ? [
                  mount(
                    '/dev/shm',
                    'tmpfs',
                    'shm',
                    'nosuid',
                    'noexec',
                    'nodev',
                    'mode=1777',
                    `size=${shmBytes}`,
                  ),
                ]
              : [
                  mount('/dev/shm', 'bind', namespaces.shm, 'rbind', 'rprivate', 'nosuid', 'noexec', 'nodev'),
                ]),
        ]),
  ];
}
