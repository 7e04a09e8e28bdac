import { formatStatus } from '../../engine-api/status-text.ts';
import type { ContainerListItem } from '../../engine-api/bodies.ts';
import { killContainer } from '../containers/kill.ts';
import { containerLogs } from '../containers/logs.ts';
import { removeContainer } from '../containers/remove.ts';
import { restartContainer } from '../containers/restart.ts';
import { startContainer } from '../containers/start.ts';
import { stopContainer } from '../containers/stop.ts';
import { waitContainer, waitForExit, waitForRemoval } from '../containers/wait.ts';
import type { EngineContext } from '../context.ts';
import type { ContainerBackend } from '../http/backend.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import { argumentsIfKnown, formatInspect, mountPointsOf, networksOf } from './container-inspect.ts';
import { selectContainers } from './container-filters.ts';

/** Containers in Docker's words. */
export function containerBackend(context: EngineContext): ContainerBackend {
  return {
    list: options =>
      selectContainers(context.table.all(), options, name => context.images.resolve(name).id).map(record =>
        formatListItem(context, record),
      ),
    inspect: nameOrId => formatInspect(context, context.table.resolve(nameOrId)),
    hasTerminal: nameOrId => context.table.resolve(nameOrId).request.Tty === true,
    logs: (nameOrId, options) => containerLogs(context, nameOrId, { ...options, untilAbort: false }),
    start: nameOrId => startContainer(context, nameOrId),
    stop: (nameOrId, graceMs) => stopContainer(context, nameOrId, graceMs),
    restart: (nameOrId, graceMs) => restartContainer(context, nameOrId, graceMs),
    kill: (nameOrId, signal) => killContainer(context, nameOrId, signal),
    remove: (nameOrId, force) => removeContainer(context, nameOrId, force),
    wait(nameOrId, condition, signal) {
      switch (condition) {
        case 'not-running':
          return waitContainer(context, nameOrId, signal);
        case 'next-exit':
          return waitForExit(context, nameOrId, signal);
        case 'removed':
          return waitForRemoval(context, nameOrId, signal);
      }
    },
  };
}

function formatListItem(context: EngineContext, record: ContainerRecord): ContainerListItem {
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
    Ports: [],
    Labels: request.Labels ?? {},
    State: state.status,
    Status: formatStatus(state, context.clock()),
    HostConfig: { NetworkMode: request.HostConfig?.NetworkMode ?? 'default' },
    NetworkSettings: { Networks: networksOf(record) },
    Mounts: mountPointsOf(record),
  };
}
