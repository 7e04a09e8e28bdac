import type { ImageRunConfig } from '../../../shared/oci/image.ts';
import type { ContainerCreateRequest, HostConfig } from '../../engine-api/wire.ts';
import { DEFAULT_NETWORK } from '../networks/modes.ts';
import { nonEmpty } from '../non-empty.ts';
import { mergeConfig } from '../runtime/merge-config.ts';

const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;

/**
 * A client's request with the image's configuration and Docker's defaults filled in: it is shown as Docker
 * shows it, and does not change when the image does. A service's request is complete: it comes from a definition.
 * @param defaultRuntime name of the runtime that is used where none is asked for
 * @param idOf finds a container, for `container:NAME`, which must outlive a change of its name
 */
export function completeRequest(
  request: ContainerCreateRequest,
  image: ImageRunConfig,
  defaultRuntime: string,
  idOf: (nameOrId: string) => string,
): ContainerCreateRequest {
  if (request.Slipway !== undefined) return request;
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
    ...(merged.onBuild === undefined ? {} : { OnBuild: merged.onBuild }),
    ...(merged.shell === undefined ? {} : { Shell: merged.shell }),
    HostConfig: completeHost(request.HostConfig ?? {}, defaultRuntime, idOf),
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
  defaultRuntime: string,
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
    Runtime: nonEmpty(host.Runtime) ?? defaultRuntime,
    RestartPolicy: {
      Name: nonEmpty(host.RestartPolicy?.Name) ?? 'no',
      MaximumRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
    },
    LogConfig: {
      Type: nonEmpty(host.LogConfig?.Type) ?? 'json-file',
      Config: host.LogConfig?.Config ?? {},
    },
  };
}
