import { ToolError, messageOf } from '../../../shared/errors.ts';
import { writeNetworkFiles } from '../containers/network-files.ts';
import type { EngineContext } from '../context.ts';
import { conflict, networkRefused, noSuchNetwork } from '../docker-errors.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import { chooseGateway, hostBindingOf } from './attach.ts';
import { predefinedName } from './connect.ts';
import type { Sandbox } from './endpoint.ts';
import { endpointIdOf, liveSandboxOf, netavarkOf, publishNetworkEvent } from './live.ts';
import { endpointsOf, networkModeOf } from './modes.ts';
import { namesOf } from './names.ts';
import type { NetworkRecord } from './network-record.ts';
import { NETWORKS_KEY } from './network-table.ts';
import { allocatePorts, portWishesOf } from './publish-ports.ts';
import { connectEndpoint, disconnectEndpoint, isNamed } from './wire-up.ts';
import type { Netavark } from '../runtime/netavark.ts';

/**
 * Takes a container out of a network, at once where it runs. Throws NETWORK_NOT_FOUND, CONTAINER_NOT_FOUND unless
 * forced, NETWORK_REFUSED when it is not in it, CONTAINER_STATE_CONFLICT.
 */
export async function disconnectNetwork(
  context: EngineContext,
  networkNameOrId: string,
  containerNameOrId: string,
  force: boolean,
): Promise<void> {
  const fixed = predefinedName(networkNameOrId);
  const network = fixed === 'none' || fixed === 'host' ? undefined : context.networks.find(networkNameOrId);
  if (network === undefined && fixed === undefined && !force) throw noSuchNetwork(networkNameOrId);
  const id = containerId(context, containerNameOrId, force);
  if (id === undefined) return;
  await context.queue.run(id, async () => {
    const before = context.table.get(id);
    if (fixed === 'host' && networkModeOf(before.request) === 'host') {
      throw conflict('container cannot be disconnected from host network or connected to host network');
    }
    const isNone = fixed === 'none' && networkModeOf(before.request) === 'none';
    if (isNone && before.endpoints === undefined) {
      await context.table.update(id, { endpoints: [] });
      return;
    }
    const isIt = (wanted: string): boolean =>
      network === undefined ? wanted === networkNameOrId : isNamed(network, wanted);
    const wishes = endpointsOf(before);
    const endpoints = wishes.filter(wish => !isIt(wish.network));
    if (endpoints.length === wishes.length) {
      throw networkRefused(`container ${id} is not connected to network ${network?.name ?? networkNameOrId}`);
    }
    const sandbox = liveSandboxOf(context, before);
    const endpoint = sandbox?.endpoints.find(({ networkId }) => networkId === network?.id);
    if (network === undefined || sandbox === undefined || endpoint === undefined) {
      await context.table.update(id, { endpoints });
      return;
    }
    const netavark = netavarkOf(context, `the network "${network.name}"`);
    await context.queue.run(NETWORKS_KEY, async () => {
      const record = await context.table.update(id, {
        sandbox: {
          ...sandbox,
          endpoints: sandbox.endpoints.map(one =>
            one === endpoint ? { ...one, pending: 'undo' as const } : one,
          ),
        },
      });
      await disconnectEndpoint(context, netavark, record, sandbox, endpoint, network);
      const rest = sandbox.endpoints.filter(one => one !== endpoint);
      const { gateway, ...others } = sandbox;
      const left: Sandbox =
        gateway === network.id ? { ...others, endpoints: rest, ports: [] } : { ...sandbox, endpoints: rest };
      context.step('network: settle');
      const changed = await context.table.update(id, { endpoints, sandbox: left });
      const done = left.gateway === undefined ? await moveGateway(context, netavark, changed, left) : changed;
      context.step('network: write names');
      writeNetworkFiles(context, done, namesOf(context, done));
    });
  });
  if (network !== undefined) publishNetworkEvent(context, 'disconnect', network, id);
}

/** Has another network of a running container lead out, and bring its published ports. Throws NETWORK_SETUP_FAILED. */
export async function moveGateway(
  context: EngineContext,
  netavark: Netavark,
  record: ContainerRecord,
  left: Sandbox,
): Promise<ContainerRecord> {
  const places = left.endpoints
    .map(endpoint => ({ endpoint, network: context.networks.find(endpoint.networkId) }))
    .filter((place): place is typeof place & { network: NetworkRecord } => place.network !== undefined);
  const gateway = chooseGateway(places.map(({ network }) => network));
  const place = places.find(({ network }) => network === gateway);
  if (gateway === undefined || place === undefined) return record;
  let ports: Sandbox['ports'] = [];
  try {
    ports = await allocatePorts(
      context,
      record.id,
      portWishesOf(record),
      hostBindingOf(gateway),
      `${record.name} (${endpointIdOf(record.id, gateway.id)})`,
    );
  } catch (error) {
    // Somebody has been quicker; the way out matters more.
    context.log.warning('ports are no more published', { container: record.name, reason: messageOf(error) });
  }
  const sandbox: Sandbox = { ...left, gateway: gateway.id, ports };
  const pending = sandbox.endpoints.map(one =>
    one === place.endpoint ? { ...one, pending: 'remake' as const } : one,
  );
  const changed = await context.table.update(record.id, { sandbox: { ...sandbox, endpoints: pending } });
  await disconnectEndpoint(context, netavark, changed, left, place.endpoint, gateway);
  await connectEndpoint(context, netavark, changed, sandbox, place.endpoint, gateway);
  context.step('network: settle');
  return context.table.update(record.id, { sandbox });
}

function containerId(context: EngineContext, nameOrId: string, force: boolean): string | undefined {
  try {
    return context.table.resolve(nameOrId).id;
  } catch (error) {
    if (force && error instanceof ToolError && error.kind === 'not-found') return undefined;
    throw error;
  }
}
