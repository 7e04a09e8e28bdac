import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { dropNetworkNamespace } from '../../host/network-namespace.ts';
import type { EngineContext } from '../context.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import type { Sandbox } from './endpoint.ts';
import { hasBridges, liveSandboxOf, netavarkOf, publishNetworkEvent } from './live.ts';
import { NETWORKS_KEY } from './network-table.ts';
import { disconnectEndpoint } from './wire-up.ts';

/**
 * Takes away what connected a container that does not run: addresses and ports, names, interfaces, its network
 * namespace. Can be called any number of times. Runs inside the container's place in the queue.
 */
export async function releaseNetworks(context: EngineContext, id: string): Promise<void> {
  const record = context.table.get(id);
  if (record.sandbox === undefined) return;
  const sandbox = liveSandboxOf(context, record);
  if (sandbox !== undefined) {
    await context.queue.run(NETWORKS_KEY, () => undo(context, record, sandbox));
  }
  await context.table.note(id, { sandbox: undefined });
}

async function undo(context: EngineContext, record: ContainerRecord, sandbox: Sandbox): Promise<void> {
  const { namespace } = context.table.paths(record.id);
  if (hasBridges(context)) {
    const netavark = netavarkOf(context, 'disconnecting a container');
    for (const endpoint of sandbox.endpoints.toReversed()) {
      const network = context.networks.find(endpoint.networkId);
      if (network === undefined) continue;
      await disconnectEndpoint(context, netavark, record, sandbox, endpoint, network);
      publishNetworkEvent(context, 'disconnect', network, record.id);
    }
  }
  context.step('network: drop a namespace');
  await dropNetworkNamespace(context.config.programs.busybox, namespace);
  await rm(join(context.paths.namespaces, `${record.id}.json`), { force: true });
}
