import type { EngineSettings, LogDefaults } from '../../../shared/engine-settings.ts';
import type { ImageRunConfig } from '../../../shared/oci/image.ts';
import type { ContainerCreateRequest, HostConfig, LogConfig } from '../../engine-api/wire.ts';
import { DEFAULT_NETWORK } from '../networks/modes.ts';
import { nonEmpty } from '../non-empty.ts';
import { mergeConfig } from '../runtime/merge-config.ts';
import { DEFAULT_SHM_BYTES } from './shared-memory.ts';

/**
 * A client's request with the image's configuration and Docker's defaults filled in: it is shown as Docker
 * shows it, and does not change when the image does. A service's request is complete: it comes from a definition.
 * @param settings what is used where the request says nothing
 * @param idOf finds a container, for `container:NAME`, which must outlive a change of its name
 */
export function completeRequest(
  request: ContainerCreateRequest,
  image: ImageRunConfig,
  settings: EngineSettings,
  idOf: (nameOrId: string) => string,
): ContainerCreateRequest {
  const runtime = nonEmpty(request.HostConfig?.Runtime) ?? settings.defaultRuntime ?? 'crun';
  // Always in the record: what runs a container must not change while it runs.
  if (request.Slipway !== undefined)
    return { ...request, HostConfig: { ...request.HostConfig, Runtime: runtime } };
  const merged = mergeConfig(request, image);
  return {
    ...request,
    User: merged.user,
    Env: merged.env,
    // An empty one keeps the image's from coming back.
    Entrypoint: merged.entrypoint ?? [],
    ...(merged.cmd === undefined ? {} : { Cmd: merged.cmd }),
    WorkingDir: merged.workingDir,
    Labels: merged.labels,
    ExposedPorts: merged.exposedPorts,
    ...(merged.healthcheck === undefined ? {} : { Healthcheck: merged.healthcheck }),
    ...(merged.stopSignal === undefined ? {} : { StopSignal: merged.stopSignal }),
    ...(merged.shell === undefined ? {} : { Shell: merged.shell }),
    HostConfig: { ...completeHost(request.HostConfig ?? {}, settings, idOf), Runtime: runtime },
  };
}

/** What cgroup v2 has no counterpart for, and what clients send that means nothing. */
function withoutVain(host: HostConfig): HostConfig {
  return Object.fromEntries(
    Object.entries(host).filter(
      ([key, value]) =>
        !['OomKillDisable', 'MemorySwappiness'].includes(key) && !(key === 'PidsLimit' && Number(value) <= 0),
    ),
  );
}

function completeHost(
  host: HostConfig,
  settings: EngineSettings,
  idOf: (nameOrId: string) => string,
): HostConfig {
  const joined = (mode: string | undefined): string | undefined =>
    mode?.startsWith('container:') === true
      ? `container:${idOf(mode.slice('container:'.length))}`
      : nonEmpty(mode);
  const pidMode = joined(host.PidMode);
  const memory = host.Memory ?? 0;
  const swap = host.MemorySwap ?? 0;
  return {
    ...withoutVain(host),
    // As much swap again as memory.
    ...(memory > 0 && swap === 0 ? { MemorySwap: memory * 2 } : {}),
    ShmSize: host.ShmSize === undefined || host.ShmSize === 0 ? DEFAULT_SHM_BYTES : host.ShmSize,
    IpcMode: joined(host.IpcMode) ?? 'private',
    ...(pidMode === undefined ? {} : { PidMode: pidMode }),
    CgroupnsMode: nonEmpty(host.CgroupnsMode) ?? 'private',
    NetworkMode: joined(host.NetworkMode?.replace(/^default$/, '')) ?? DEFAULT_NETWORK,
    RestartPolicy: {
      Name: nonEmpty(host.RestartPolicy?.Name) ?? 'no',
      MaximumRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
    },
    LogConfig: completeLog(host.LogConfig, settings.log),
  };
}

/** The options that are set are those of one driver; a container's own win over them. */
function completeLog(asked: LogConfig | undefined, defaults: LogDefaults = {}): LogConfig {
  const driver = defaults.driver ?? 'json-file';
  const type = nonEmpty(asked?.Type) ?? driver;
  return { Type: type, Config: { ...(type === driver ? defaults.options : {}), ...asked?.Config } };
}
