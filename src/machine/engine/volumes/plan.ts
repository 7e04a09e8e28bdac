import { isAbsolute, normalize } from 'node:path';
import type { ContainerCreateRequest, MountRequest } from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';
import { isVolumeBind, parseAskedMounts } from '../runtime/oci-mounts.ts';
import type { ContainerMount } from '../store/container-record.ts';

/** A volume that a container is to have; made if there is none of its name. */
export interface WantedVolume {
  readonly kind: 'volume';
  /** Empty: anonymous. */
  readonly name: string;
  readonly destination: string;
  readonly readOnly: boolean;
  /** As it stood in the request, for inspect. */
  readonly mode: string;
  /** An empty volume gets what the image has at the destination. */
  readonly copy: boolean;
  readonly subpath?: string;
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

/** What is put into a container besides what the engine makes in each and what lies on the host. */
export type WantedMount = WantedVolume | Extract<ContainerMount, { kind: 'bind' }>;

/** What another container has mounted. Throws CONTAINER_NOT_FOUND. */
export type FindMounts = (nameOrId: string) => readonly ContainerMount[];

const PROPAGATION = /^r?(private|shared|slave)$/;

/**
 * The volumes of a container: what `Binds` and `Mounts` name, then those of `VolumesFrom`, then the
 * anonymous ones of the request and the image, as far as nothing else is mounted there.
 * Throws ENGINE_INVALID_PARAMETER with Docker's sentences.
 */
export function planVolumes(
  request: ContainerCreateRequest,
  imageVolumes: readonly string[],
  findMounts: FindMounts,
): WantedMount[] {
  const host = request.HostConfig ?? {};
  const driver = host.VolumeDriver ?? '';
  const named = [
    ...(host.Binds ?? []).filter(isVolumeBind).map(text => parseVolumeBind(text, driver)),
    ...(host.Mounts ?? []).filter(mount => mount.Type === 'volume').map(parseVolumeMount),
  ];
  const taken = new Set(parseAskedMounts(host, request.Slipway).map(mount => mount.destination));
  for (const { destination } of named) {
    if (taken.has(destination)) throw invalidParameter(`Duplicate mount point: ${destination}`);
    taken.add(destination);
  }
  const free = ({ destination }: { readonly destination: string }): boolean => {
    const isFree = !taken.has(destination);
    taken.add(destination);
    return isFree;
  };
  const from = (host.VolumesFrom ?? []).flatMap(text => volumesFrom(text, findMounts)).filter(free);
  const anonymous = [...(request.Volumes ?? []), ...imageVolumes]
    .map(destination => anonymousVolume(destination, driver))
    .filter(free);
  return [...named, ...from, ...anonymous];
}

/** Parses `name:destination[:mode]` or `destination`. Throws ENGINE_INVALID_PARAMETER. */
function parseVolumeBind(text: string, driver: string): WantedVolume {
  const parts = text.split(':');
  const invalid = `invalid volume specification: '${text}'`;
  if (parts.length > 3 || text === '') throw invalidParameter(invalid);
  if (parts.length === 1) return anonymousVolume(text, driver);
  const [name = '', destination = '', mode = ''] = parts;
  const words = mode === '' ? [] : mode.split(',');
  const isKnown = (word: string): boolean =>
    ['ro', 'rw', 'z', 'Z', 'nocopy', 'cached', 'delegated', 'consistent'].includes(word) ||
    PROPAGATION.test(word);
  const isTwice = (...group: readonly string[]): boolean =>
    words.filter(word => group.includes(word)).length > 1;
  if (!words.every(isKnown) || isTwice('ro', 'rw') || isTwice('z', 'Z') || isTwice('nocopy')) {
    throw invalidParameter(`invalid mode: ${mode}`);
  }
  if (words.some(word => PROPAGATION.test(word))) {
    throw invalidParameter(
      `${invalid}: invalid mount config for type "volume": field BindOptions must not be specified`,
    );
  }
  return {
    kind: 'volume',
    name,
    destination: checkDestination(destination, `${invalid}: `),
    readOnly: words.includes('ro'),
    mode: mode === '' ? 'z' : mode,
    copy: !words.includes('nocopy'),
    driver,
    labels: {},
    options: {},
  };
}

function parseVolumeMount(mount: MountRequest): WantedVolume {
  const name = mount.Source ?? '';
  const options = mount.VolumeOptions ?? {};
  if (mount.BindOptions !== undefined) throw configFault('field BindOptions must not be specified');
  if (mount.TmpfsOptions !== undefined) throw configFault('field TmpfsOptions must not be specified');
  const destination = checkDestination(mount.Target);
  if (name === '' && mount.ReadOnly === true) {
    throw configFault('must not set ReadOnly mode when using anonymous volumes');
  }
  const subpath = options.Subpath ?? '';
  if (subpath !== '') {
    if (name === '') throw configFault('must not set Subpath when using anonymous volumes');
    const isLocal = !isAbsolute(subpath) && !subpath.split('/').includes('..') && !subpath.includes('\0');
    if (!isLocal) throw configFault('subpath must be a relative path within the volume');
  }
  return {
    kind: 'volume',
    name,
    destination,
    readOnly: mount.ReadOnly === true,
    mode: 'z',
    copy: options.NoCopy !== true,
    ...(subpath === '' ? {} : { subpath: normalize(subpath) }),
    driver: options.DriverConfig?.Name ?? '',
    labels: options.Labels ?? {},
    options: options.DriverConfig?.Options ?? {},
  };
}

function anonymousVolume(destination: string, driver: string): WantedVolume {
  if (!isAbsolute(destination)) {
    throw configFault(
      `invalid mount path: '${destination}' mount path must be absolute`,
      `invalid volume specification: '${destination}': `,
    );
  }
  return {
    kind: 'volume',
    name: '',
    destination: checkDestination(destination),
    readOnly: false,
    mode: '',
    copy: true,
    driver,
    labels: {},
    options: {},
  };
}

/** Parses `container[:ro|rw|z]` and takes over what that one has. */
function volumesFrom(text: string, findMounts: FindMounts): WantedMount[] {
  const [id = '', mode = 'rw', ...more] = text.split(':');
  if (text === '') throw invalidParameter('volumes-from specification cannot be an empty string');
  if (more.length > 0 || !['rw', 'ro', 'z', 'Z', ''].includes(mode)) {
    throw invalidParameter(`invalid mode: ${[mode, ...more].join(':')}`);
  }
  return findMounts(id).map(mount => {
    if (mount.kind === 'bind') {
      const readOnly = mode === 'ro' && !mount.options.includes('ro');
      return readOnly ? { ...mount, options: [...mount.options, 'ro'] } : mount;
    }
    return {
      ...mount,
      readOnly: mount.readOnly || mode === 'ro',
      copy: false,
      driver: '',
      labels: {},
      options: {},
    };
  });
}

function checkDestination(destination: string, prefix = ''): string {
  const refuse = (fault: string): never => {
    throw configFault(fault, prefix);
  };
  if (destination === '') refuse('field Target must not be empty');
  const path = normalize(destination).replace(/(.)\/+$/, '$1');
  if (path === '/') refuse("invalid specification: destination can't be '/'");
  if (!isAbsolute(path)) refuse(`invalid mount path: '${destination}' mount path must be absolute`);
  return path;
}

function configFault(fault: string, prefix = ''): Error {
  return invalidParameter(`${prefix}invalid mount config for type "volume": ${fault}`);
}
