import type { EngineContext } from '../context.ts';
import { networkRefused } from '../docker-errors.ts';
import { predefinedName } from './connect.ts';
import { membersOf, publishNetworkEvent } from './live.ts';
import type { NetworkRecord } from './network-record.ts';
import { NETWORKS_KEY } from './network-table.ts';

/** Removes a network that no running container is in. Throws NETWORK_NOT_FOUND, NETWORK_REFUSED. */
export async function removeNetwork(context: EngineContext, nameOrId: string): Promise<void> {
  const fixed = predefinedName(nameOrId);
  if (fixed !== undefined) {
    throw networkRefused(`${fixed} is a pre-defined network and cannot be removed`);
  }
  await context.queue.run(NETWORKS_KEY, async () => {
    const network = context.networks.resolve(nameOrId);
    if (membersOf(context, network.id).length > 0) {
      throw networkRefused(
        `error while removing network: network ${network.name} id ${network.id} has active endpoints`,
      );
    }
    await deleteNetwork(context, network);
  });
}

/** Removes the networks that no running container is in and that `isWanted` takes; answers their names. */
export async function pruneNetworks(
  context: EngineContext,
  isWanted: (network: NetworkRecord) => boolean,
): Promise<string[]> {
  return context.queue.run(NETWORKS_KEY, async () => {
    const names: string[] = [];
    for (const network of context.networks.all()) {
      if (predefinedName(network.id) !== undefined || !isWanted(network)) continue;
      if (membersOf(context, network.id).length > 0) continue;
      await deleteNetwork(context, network);
      names.push(network.name);
    }
    context.history.publish({
      type: 'network',
      action: 'prune',
      id: '',
      attributes: { reclaimed: '0' },
      timeMs: context.clock(),
    });
    return names;
  });
}

async function deleteNetwork(context: EngineContext, network: NetworkRecord): Promise<void> {
  context.step('network: delete');
  await context.networks.delete(network.id);
  publishNetworkEvent(context, 'destroy', network);
}
