import type { EndpointSettings } from '../../engine-api/wire.ts';
import { keepNetworkNamespace, hasNetworkNamespace } from '../../host/network-namespace.ts';
import { isRunning } from '../../host/processes.ts';
import { writeNetworkFiles } from '../containers/network-files.ts';
import type { EngineContext } from '../context.ts';
import { conflict, invalidParameter, networkRefused, notRunning } from '../docker-errors.ts';
import { isLive } from '../store/container-record.ts';
import { allocateEndpoint, interfaceNameFor } from './allocate.ts';
import { hostBindingOf, networkOf } from './attach.ts';
import type { EndpointWish, Sandbox } from './endpoint.ts';
import { endpointIdOf, liveSandboxOf, netavarkOf, publishNetworkEvent } from './live.ts';
import { endpointsOf, isNetworkName, networkModeOf, planEndpoint, sharedModeSentence } from './modes.ts';
import { namesOf } from './names.ts';
import { type NetworkRecord, PREDEFINED, predefinedId } from './network-record.ts';
import { NETWORKS_KEY } from './network-table.ts';
import { allocatePorts, portWishesOf } from './publish-ports.ts';
import { connectEndpoint, disconnectEndpoint, isNamed } from './wire-up.ts';

const HOST_CONFLICT = 'container cannot be disconnected from host network or connected to host network';

/**
 * Puts a container into one more network, at once where it runs. Throws NETWORK_NOT_FOUND, CONTAINER_NOT_FOUND,
 * NETWORK_REFUSED, NETWORK_SETUP_FAILED, CONTAINER_STATE_CONFLICT, ENGINE_INVALID_PARAMETER.
 */
export async function connectNetwork(
  context: EngineContext,
  networkNameOrId: string,
  containerNameOrId: string,
  settings: EndpointSettings,
): Promise<void> {
  const fixed = predefinedName(networkNameOrId);
  if (fixed === 'host') throw invalidParameter(HOST_CONFLICT);
  const wish = planEndpoint(fixed ?? networkNameOrId, settings);
  const netavark = netavarkOf(context, `the network "${networkNameOrId}"`);
  const network =
    fixed === 'none' ? undefined : await context.queue.run(NETWORKS_KEY, () => networkOf(context, wish));
  const { id } = context.table.resolve(containerNameOrId);
  if (network === undefined) throw conflict(sharedModeSentence('none'));
  await context.queue.run(id, async () => {
    const before = context.table.get(id);
    const mode = networkModeOf(before.request);
    const isNone = mode === 'none' && before.endpoints === undefined;
    if (isNone || (!isNetworkName(mode) && mode !== 'none')) throw conflict(sharedModeSentence(mode));
    const wishes = endpointsOf(before);
    const isIn = wishes.some(({ network: wanted }) => isNamed(network, wanted));
    const runs = isLive(before.state);
    if (isIn && runs) {
      throw networkRefused(`endpoint with name ${before.name} already exists in network ${network.name}`);
    }
    const endpoints: readonly EndpointWish[] = [
      ...wishes.filter(({ network: wanted }) => !isNamed(network, wanted)),
      { ...wish, network: network.name },
    ];
    if (!runs) {
      await context.table.update(id, { endpoints });
      return;
    }
    await context.queue.run(NETWORKS_KEY, async () => {
      // Removed meanwhile?
      context.networks.resolve(network.id);
      const old: Sandbox = liveSandboxOf(context, before) ?? {
        bootId: context.bootId,
        endpoints: [],
        ports: [],
      };
      const planned = await plan(context, id, old, network, wish);
      const pending = { ...planned.endpoint, pending: 'undo' as const };
      const record = await context.table.update(id, {
        endpoints,
        sandbox: { ...planned.sandbox, endpoints: [...old.endpoints, pending] },
      });
      try {
        await ensureNamespace(context, id);
        await connectEndpoint(context, netavark, record, planned.sandbox, planned.endpoint, network);
      } catch (error) {
        await disconnectEndpoint(context, netavark, record, planned.sandbox, planned.endpoint, network);
        await context.table.note(id, { endpoints: wishes, sandbox: old });
        throw error;
      }
      context.step('network: settle');
      const done = await context.table.update(id, { sandbox: planned.sandbox });
      context.step('network: write names');
      writeNetworkFiles(context, done, namesOf(context, done));
    });
  });
  publishNetworkEvent(context, 'connect', network, id);
}

/** What a running container gets in a network. The first one with a way out brings its published ports as well. */
async function plan(
  context: EngineContext,
  id: string,
  old: Sandbox,
  network: NetworkRecord,
  wish: EndpointWish,
): Promise<{ readonly sandbox: Sandbox; readonly endpoint: Sandbox['endpoints'][number] }> {
  const endpoint = allocateEndpoint(
    context,
    id,
    network,
    wish,
    interfaceNameFor(wish, network, old.endpoints),
  );
  const endpoints = [...old.endpoints, endpoint];
  if (old.gateway !== undefined || network.internal) return { sandbox: { ...old, endpoints }, endpoint };
  const record = context.table.get(id);
  const ports = await allocatePorts(
    context,
    id,
    portWishesOf(record),
    hostBindingOf(network),
    `${record.name} (${endpointIdOf(id, network.id)})`,
  );
  return { sandbox: { ...old, endpoints, gateway: network.id, ports }, endpoint };
}

/** One that was started without networks has a namespace which nobody keeps yet. */
async function ensureNamespace(context: EngineContext, id: string): Promise<void> {
  const { namespace } = context.table.paths(id);
  const { state } = context.table.get(id);
  if (hasNetworkNamespace(namespace)) return;
  // Its end may not have been handled yet, and its number be another process's.
  if (!isLive(state) || !isRunning(state.process, context.bootId)) throw notRunning(id);
  context.step('network: keep a namespace');
  await keepNetworkNamespace(context.config.programs.busybox, namespace, state.process.pid);
}

/** The name of a network that always is there, from its name or id. */
export function predefinedName(nameOrId: string): (typeof PREDEFINED)[number] | undefined {
  return PREDEFINED.find(
    name => name === nameOrId || (nameOrId.length >= 12 && predefinedId(name).startsWith(nameOrId)),
  );
}
