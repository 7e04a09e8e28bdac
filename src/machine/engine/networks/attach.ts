import { makeNetworkNamespace } from '../../host/network-namespace.ts';
import type { EngineContext } from '../context.ts';
import { invalidParameter, noSuchNetwork } from '../docker-errors.ts';
import { allocateEndpoint, interfaceNameFor } from './allocate.ts';
import { ensureDefaultNetwork } from './default-network.ts';
import type { Endpoint, EndpointWish, Sandbox } from './endpoint.ts';
import { liveSandboxOf, endpointIdOf, netavarkOf, publishNetworkEvent } from './live.ts';
import { DEFAULT_NETWORK, endpointsOf, hasSandbox, networkModeOf } from './modes.ts';
import type { NetworkRecord } from './network-record.ts';
import { NETWORKS_KEY } from './network-table.ts';
import { allocatePorts, portWishesOf } from './publish-ports.ts';
import { releaseNetworks } from './release.ts';
import { connectEndpoint } from './wire-up.ts';

const HOST_BINDING = 'com.docker.network.bridge.host_binding_ipv4';

/**
 * Connects a container that is about to start: a network namespace, addresses, published ports, names. Runs inside
 * the container's place in the queue; on failure the caller takes away what was made (releaseNetworks).
 * Throws NETWORK_NOT_FOUND, NETWORK_REFUSED, PORT_NOT_PUBLISHED, NETWORK_SETUP_FAILED, ENGINE_PROGRAM_MISSING,
 * ENGINE_INVALID_PARAMETER.
 */
export async function attachNetworks(context: EngineContext, id: string): Promise<void> {
  // Of a life whose end could not be cleared away.
  await releaseNetworks(context, id);
  const before = context.table.get(id);
  if (!hasSandbox(before)) return;
  const netavark = netavarkOf(context, `the network "${networkModeOf(before.request)}"`);
  await context.queue.run(NETWORKS_KEY, async () => {
    const places: { readonly endpoint: Endpoint; readonly network: NetworkRecord }[] = [];
    for (const wish of endpointsOf(before)) {
      const network = await networkOf(context, wish);
      if (places.some(place => place.network.id === network.id)) {
        throw invalidParameter(`network ${network.name} is named twice`);
      }
      const name = interfaceNameFor(
        wish,
        network,
        places.map(({ endpoint }) => endpoint),
      );
      places.push({ endpoint: allocateEndpoint(context, id, network, wish, name), network });
    }
    const gateway = chooseGateway(places.map(({ network }) => network));
    const ports =
      gateway === undefined
        ? []
        : await allocatePorts(
            context,
            id,
            portWishesOf(before),
            hostBindingOf(gateway),
            `${before.name} (${endpointIdOf(id, gateway.id)})`,
          );
    const sandbox: Sandbox = {
      bootId: context.bootId,
      endpoints: places.map(({ endpoint }) => endpoint),
      ...(gateway === undefined ? {} : { gateway: gateway.id }),
      ports,
    };
    // Before any of it is made, so that it can be taken away after a crash.
    const record = await context.table.update(id, { sandbox });
    context.step('network: make a namespace');
    await makeNetworkNamespace(context.config.programs.busybox, context.table.paths(id).namespace);
    for (const { endpoint, network } of places) {
      await connectEndpoint(context, netavark, record, sandbox, endpoint, network);
      publishNetworkEvent(context, 'connect', network, id);
    }
  });
}

/** The network that a wish names. Throws NETWORK_NOT_FOUND. */
export async function networkOf(context: EngineContext, wish: EndpointWish): Promise<NetworkRecord> {
  const fixed = await ensureDefaultNetwork(context);
  const network = wish.network === DEFAULT_NETWORK ? fixed : context.networks.find(wish.network);
  if (network === undefined) throw noSuchNetwork(wish.network);
  return network;
}

/** Where the default route goes, and published ports come from: the first network with a way out. */
export function chooseGateway(networks: readonly NetworkRecord[]): NetworkRecord | undefined {
  return networks.find(({ internal }) => !internal);
}

/** Address of the machine for ports that name none; empty for every one. */
export function hostBindingOf(network: NetworkRecord): string {
  const option = network.options[HOST_BINDING] ?? '';
  return option === '0.0.0.0' ? '' : option;
}

/** Whether a container has a network namespace that the engine made for it. */
export function namespaceOf(context: EngineContext, id: string): string | undefined {
  return liveSandboxOf(context, context.table.get(id)) === undefined
    ? undefined
    : context.table.paths(id).namespace;
}
