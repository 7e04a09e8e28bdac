import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import { dropNetworkNamespace } from '../../host/network-namespace.ts';
import { killByArgument } from '../../host/processes.ts';
import type { EngineContext } from '../context.ts';
import { writeNetworkFiles } from '../containers/network-files.ts';
import { moveGateway } from './disconnect.ts';
import type { Endpoint, Sandbox } from './endpoint.ts';
import { liveSandboxOf, netavarkOf } from './live.ts';
import { endpointsOf } from './modes.ts';
import { namesOf } from './names.ts';
import { reviveNameServer } from './name-server.ts';
import { NETWORKS_KEY } from './network-table.ts';
import type { NetworkRecord } from './network-record.ts';
import { connectEndpoint, disconnectEndpoint, isNamed } from './wire-up.ts';

/**
 * Takes up the networks of an earlier engine, before any of its containers is taken up: ends what netavark is in the
 * middle of, and has names answered again.
 */
export async function takeUpNetworks(context: EngineContext): Promise<void> {
  const { namespaces } = context.paths;
  const { netavark } = context.config.programs;
  for (const folder of [namespaces, context.paths.netavark])
    await mkdir(folder, { recursive: true, mode: 0o700 });
  await context.queue.run(NETWORKS_KEY, async () => {
    if (netavark !== undefined) killByArgument(word => word.startsWith(`${namespaces}/`), [netavark]);
    await reviveNameServer(context);
  });
}

/**
 * Takes away network namespaces that belong to no container, once all records have been read. There are none unless a
 * record was lost.
 */
export async function sweepNamespaces(context: EngineContext): Promise<void> {
  const ids = new Set(context.table.all().map(({ id }) => id));
  for (const name of await readdir(context.paths.namespaces)) {
    if (ids.has(name.replace(/\.json$/, ''))) continue;
    const file = join(context.paths.namespaces, name);
    try {
      await dropNetworkNamespace(context.config.programs.busybox, file);
    } catch (error) {
      context.log.warning('a network namespace could not be taken away', {
        file,
        reason: messageOf(error),
      });
    }
  }
}

/**
 * Finishes what was being changed in the networks of a running container when its engine ended. Nobody was told that it
 * has come into a network, so it is not in it; one that has to lead out does. Runs inside the container's place in the
 * queue.
 */
export async function settleEndpoints(context: EngineContext, id: string): Promise<void> {
  const record = context.table.get(id);
  const sandbox = liveSandboxOf(context, record);
  if (sandbox?.endpoints.every(({ pending }) => pending === undefined) !== false) return;
  await context.queue.run(NETWORKS_KEY, async () => {
    const netavark = netavarkOf(context, 'connecting a container');
    const endpoints: Endpoint[] = [];
    const gone: NetworkRecord[] = [];
    for (const { pending, ...endpoint } of sandbox.endpoints) {
      const network = context.networks.find(endpoint.networkId);
      if (pending !== undefined && network !== undefined) {
        await disconnectEndpoint(context, netavark, record, sandbox, endpoint, network);
        if (pending === 'remake') {
          await connectEndpoint(context, netavark, record, sandbox, endpoint, network);
        } else gone.push(network);
      }
      if (pending !== 'undo') endpoints.push(endpoint);
    }
    context.step('network: settle');
    const left = withoutGateway({ ...sandbox, endpoints });
    const changed = await context.table.update(id, {
      sandbox: left,
      endpoints: endpointsOf(record).filter(wish => !gone.some(network => isNamed(network, wish.network))),
    });
    const done = left.gateway === undefined ? await moveGateway(context, netavark, changed, left) : changed;
    context.step('network: write names');
    writeNetworkFiles(context, done, namesOf(context, done));
  });
}

/** The gateway may have been what was being taken away. */
function withoutGateway(sandbox: Sandbox): Sandbox {
  const { gateway, ...rest } = sandbox;
  const isThere = sandbox.endpoints.some(({ networkId }) => networkId === gateway);
  return isThere || gateway === undefined ? sandbox : { ...rest, ports: [] };
}
