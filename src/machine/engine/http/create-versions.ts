import { compareApiVersions } from '../../engine-api/api-version.ts';
import type {
  ContainerCreateRequest,
  HealthConfig,
  HostConfig,
  MountRequest,
  NetworkingConfig,
} from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';

type IsBefore = (version: string) => boolean;

/**
 * A create request as the API version of the client means it: what came later is not looked at, and what was the
 * default then is it still. Throws ENGINE_INVALID_PARAMETER for what the version does not have.
 */
export function asOfVersion(request: ContainerCreateRequest, version: string): ContainerCreateRequest {
  const isBefore: IsBefore = other => compareApiVersions(version, other) < 0;
  const { HostConfig: host, Healthcheck: health, NetworkingConfig: networking, ...rest } = request;
  return {
    ...rest,
    ...(health === undefined ? {} : { Healthcheck: healthOf(health, isBefore) }),
    ...(networking === undefined ? {} : { NetworkingConfig: networkingOf(networking, isBefore) }),
    HostConfig: hostOf(host ?? {}, isBefore),
  };
}

/** What a client is told about fields that it should not use any more. */
export function warningsOf(request: ContainerCreateRequest, version: string): string[] {
  const isDeprecated = (request.MacAddress ?? '') !== '' && compareApiVersions(version, '1.44') >= 0;
  return isDeprecated
    ? [
        'The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.',
      ]
    : [];
}

function healthOf({ StartInterval, ...health }: HealthConfig, isBefore: IsBefore): HealthConfig {
  return StartInterval === undefined || isBefore('1.44') ? health : { ...health, StartInterval };
}

function networkingOf(networking: NetworkingConfig, isBefore: IsBefore): NetworkingConfig {
  const { EndpointsConfig: endpoints } = networking;
  if (endpoints === undefined || !isBefore('1.44')) return networking;
  const names = Object.keys(endpoints);
  if (names.length > 1) {
    throw invalidParameter(
      `Container cannot be created with multiple network endpoints: ${names.join(', ')}`,
    );
  }
  return {
    EndpointsConfig: Object.fromEntries(
      // Its own address came with API 1.44.
      Object.entries(endpoints).map(([name, settings]) => [name, { ...settings, MacAddress: '' }]),
    ),
  };
}

function hostOf(host: HostConfig, isBefore: IsBefore): HostConfig {
  const { AutoRemove, KernelMemoryTCP, IpcMode, ConsoleSize, Annotations, Mounts, ...rest } = host;
  // Older clients expect that others may join.
  const ipc = isBefore('1.40') && (IpcMode ?? '') === '' ? 'shareable' : IpcMode;
  return {
    ...rest,
    ...(AutoRemove === undefined || isBefore('1.25') ? {} : { AutoRemove }),
    ...(KernelMemoryTCP === undefined || isBefore('1.40') ? {} : { KernelMemoryTCP }),
    ...(ipc === undefined ? {} : { IpcMode: ipc }),
    ...(ConsoleSize === undefined || isBefore('1.42') ? {} : { ConsoleSize }),
    ...(Annotations === undefined || isBefore('1.43') ? {} : { Annotations }),
    ...(Mounts === undefined ? {} : { Mounts: Mounts.map(mount => mountOf(mount, isBefore)) }),
  };
}

/** Options are those of the mount's own kind; older clients may send others. */
function mountOf(mount: MountRequest, isBefore: IsBefore): MountRequest {
  const { BindOptions, VolumeOptions, TmpfsOptions, ...rest } = mount;
  const { Type } = mount;
  const given: readonly (readonly [string, unknown, string])[] = [
    ['VolumeOptions', VolumeOptions, 'volume'],
    ['BindOptions', BindOptions, 'bind'],
    ['TmpfsOptions', TmpfsOptions, 'tmpfs'],
  ];
  const wrong = given.find(([, options, type]) => options !== undefined && Type !== type);
  if (wrong !== undefined && !isBefore('1.42')) {
    throw invalidParameter(`${wrong[0]} must not be specified on mount type ${JSON.stringify(Type)}`);
  }
  if ((VolumeOptions?.Subpath ?? '') !== '' && isBefore('1.45')) {
    throw invalidParameter('VolumeOptions.Subpath needs API v1.45 or newer');
  }
  const bind = bindOf(mount, isBefore);
  return {
    ...rest,
    ...(bind === undefined ? {} : { BindOptions: bind }),
    ...(VolumeOptions === undefined || (isBefore('1.42') && Type !== 'volume') ? {} : { VolumeOptions }),
    ...(TmpfsOptions === undefined || (isBefore('1.42') && Type !== 'tmpfs') ? {} : { TmpfsOptions }),
  };
}

function bindOf(
  { Type, ReadOnly, BindOptions }: MountRequest,
  isBefore: IsBefore,
): MountRequest['BindOptions'] {
  if (Type !== 'bind' || !isBefore('1.44')) return BindOptions;
  if (BindOptions?.ReadOnlyForceRecursive === true) {
    throw invalidParameter('BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer');
  }
  const { NonRecursive, CreateMountpoint, ...rest } = BindOptions ?? {};
  return {
    ...rest,
    ...(NonRecursive === undefined || isBefore('1.40') ? {} : { NonRecursive }),
    ...(CreateMountpoint === undefined || isBefore('1.42') ? {} : { CreateMountpoint }),
    // A read-only bind was so for itself alone.
    ...(ReadOnly === true ? { ReadOnlyNonRecursive: true } : {}),
  };
}
