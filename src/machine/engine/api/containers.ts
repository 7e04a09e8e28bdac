import { ToolError } from '../../../shared/errors.ts';
import { formatStatus } from '../../engine-api/status-text.ts';
import type { ContainerListItem } from '../../engine-api/bodies.ts';
import { killContainer } from '../containers/kill.ts';
import { openContainerLog } from '../containers/logs.ts';
import { removeContainer } from '../containers/remove.ts';
import { measureUpper } from '../containers/prune.ts';
import { restartContainer } from '../containers/restart.ts';
import { startContainer } from '../containers/start.ts';
import { stopContainer } from '../containers/stop.ts';
import { waitContainer } from '../containers/wait.ts';
import type { EngineContext } from '../context.ts';
import { notReadable, withWords } from '../docker-errors.ts';
import { formatLogDetails } from '../logs/log-details.ts';
import type { ContainerBackend } from '../http/backend.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import { argumentsIfKnown, formatInspect, mountPointsOf } from './container-inspect.ts';
import { networksOf, portsOf } from './network-settings.ts';
import { networkModeOf } from '../networks/modes.ts';
import { selectContainers } from './container-filters.ts';

/** Containers in Docker's words. */
export function containerBackend(context: EngineContext): ContainerBackend {
  return {
    list: options =>
      selectContainers(
        context.table.all(),
        options,
        name => context.images.resolve(name).id,
        id => context.health.stateOf(id)?.status ?? 'none',
        record => portsOf(context, record),
      ).map(record => formatListItem(context, record)),
    async measure(nameOrId) {
      const record = context.table.resolve(nameOrId);
      const own = await measureUpper(context, record);
      const image = context.images.byId(record.imageId)?.sizeBytes ?? 0;
      return { SizeRw: own, SizeRootFs: own + image };
    },
    inspect: (nameOrId, version) => formatInspect(context, context.table.resolve(nameOrId), version),
    hasTerminal: nameOrId => context.table.resolve(nameOrId).request.Tty === true,
    logs(nameOrId, options) {
      const { HostConfig } = context.table.resolve(nameOrId).request;
      if (HostConfig?.LogConfig?.Type === 'none') throw notReadable();
      return openContainerLog(context, nameOrId, { ...options, untilAbort: false });
    },
    logDetails: nameOrId => logDetailsOf(context, context.table.resolve(nameOrId)),
    start: nameOrId => startContainer(context, nameOrId),
    stop: (nameOrId, graceMs, signal) =>
      inWords(`cannot stop container: ${nameOrId}`, () => stopContainer(context, nameOrId, graceMs, signal)),
    restart: (nameOrId, graceMs, signal) =>
      inWords(`cannot stop container: ${nameOrId}`, () =>
        restartContainer(context, nameOrId, graceMs, signal),
      ),
    async kill(nameOrId, signal) {
      try {
        await killContainer(context, nameOrId, signal);
      } catch (error) {
        throw withWords(error, `cannot kill container: ${nameOrId}`);
      }
    },
    remove: (nameOrId, force, volumes) => removeContainer(context, nameOrId, force, volumes),
    wait: (nameOrId, condition, signal) => waitContainer(context, nameOrId, condition, signal),
  };
}

/** Docker says what it was doing where the request's own words were wrong, and only there. */
async function inWords(doing: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    throw error instanceof ToolError && error.kind === 'invalid-input' ? withWords(error, doing) : error;
  }
}

function logDetailsOf(context: EngineContext, record: ContainerRecord): string {
  const { request } = record;
  return formatLogDetails(request.HostConfig?.LogConfig?.Config, {
    id: record.id,
    name: record.name,
    image: request.Image,
    imageId: record.imageId,
    labels: request.Labels ?? {},
    env: [...(context.images.byId(record.imageId)?.run.Env ?? []), ...(request.Env ?? [])],
  });
}

/** A container as listings have it. */
export function formatListItem(context: EngineContext, record: ContainerRecord): ContainerListItem {
  const { request, state } = record;
  const [path = '', ...words] = argumentsIfKnown(context, record);
  const args = words.map(word => (word.includes(' ') ? `'${word}'` : word));
  return {
    Id: record.id,
    Names: [`/${record.name}`],
    Image: request.Image,
    ImageID: record.imageId,
    Command: [path, ...args].join(' '),
    Created: Math.floor(record.createdAtMs / 1000),
    Ports: portsOf(context, record),
    Labels: request.Labels ?? {},
    State: state.status,
    Status: formatStatus(state, context.clock(), context.health.stateOf(record.id)?.status),
    HostConfig: { NetworkMode: networkModeOf(request) },
    NetworkSettings: { Networks: networksOf(context, record) },
    Mounts: mountPointsOf(context, record),
  };
}
