import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import { hasNetworkNamespace, makeNetworkNamespace } from '../../host/network-namespace.ts';
import { defaultInterface, readMtu } from '../../host/routes.ts';
import type { EngineContext } from '../context.ts';
import { missingProgram } from '../docker-errors.ts';
import { forgetUdpFlows } from '../runtime/conntrack.ts';
import { type Netavark, type NetavarkConnection, runNetavark } from '../runtime/netavark.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import type { Endpoint, Sandbox } from './endpoint.ts';
import { leadNames } from './internal-names.ts';
import { membersOf } from './live.ts';
import { dnsNamesOf, endpointsOf } from './modes.ts';
import { prepareNameServer, settleNameServer } from './name-server.ts';
import { type NetworkRecord, isDefaultNetwork } from './network-record.ts';
import { groupPorts } from './ports.ts';

/** What Docker calls an MTU option. */
const MTU_OPTION = 'com.docker.network.driver.mtu';

/**
 * Connects a container's network namespace to one network, as its record says. Runs inside the queue's key of networks.
 * Throws NETWORK_SETUP_FAILED.
 */
export async function connectEndpoint(
  context: EngineContext,
  netavark: Netavark,
  record: ContainerRecord,
  sandbox: Sandbox,
  endpoint: Endpoint,
  network: NetworkRecord,
): Promise<void> {
  await prepareNameServer(context);
  const { namespace } = context.table.paths(record.id);
  const connection = connectionOf(record, sandbox, endpoint, network);
  context.step('network: connect');
  await runNetavark(netavark, 'setup', connection, namespace, inputFile(context, record.id));
  if (network.internal) await leadNames(netavark, network, true);
  await settleNameServer(context);
  await forgetFlows(context, record, connection);
}

/**
 * The reverse. What cannot be taken away is logged: the container is gone or has to go on. Can be called any number of
 * times, also for what was never made.
 */
export async function disconnectEndpoint(
  context: EngineContext,
  netavark: Netavark,
  record: ContainerRecord,
  sandbox: Sandbox,
  endpoint: Endpoint,
  network: NetworkRecord,
): Promise<void> {
  await prepareNameServer(context);
  const { namespace } = context.table.paths(record.id);
  const connection = connectionOf(record, sandbox, endpoint, network);
  const file = inputFile(context, record.id);
  context.step('network: disconnect');
  // netavark wants one, also to take away what is outside of it.
  if (!hasNetworkNamespace(namespace)) await makeNetworkNamespace(context.config.programs.busybox, namespace);
  try {
    await runNetavark(netavark, 'teardown', connection, namespace, file);
  } catch (error) {
    // Half-made, or lost together with its namespace. netavark takes a bridge away only with its last container.
    const warn = (): void => {
      context.log.warning('a container could not be taken out of a network', {
        network: network.name,
        container: record.name,
        reason: messageOf(error),
      });
    };
    if (membersOf(context, network.id, record.id).length > 0) {
      if (!isAboutNothing(error)) warn();
      return;
    }
    const bare = { ...connection, ports: [] };
    try {
      await runNetavark(netavark, 'setup', bare, namespace, file);
      await runNetavark(netavark, 'teardown', bare, namespace, file);
    } catch {
      warn();
    }
  } finally {
    await rm(file, { force: true });
    await forgetFlows(context, record, connection);
    if (network.internal && membersOf(context, network.id, record.id).length === 0) {
      await leadNames(netavark, network, false).catch((error: unknown) => {
        context.log.warning('the names of a network are still led to the name server', {
          network: network.name,
          reason: messageOf(error),
        });
      });
    }
  }
}

/** A client that goes on sending would be led to where its first packet was, whoever has that address by now. */
async function forgetFlows(
  context: EngineContext,
  record: ContainerRecord,
  connection: NetavarkConnection,
): Promise<void> {
  const ports = connection.ports
    .filter(({ protocol }) => protocol === 'udp')
    .flatMap(({ hostPort, count }) => Array.from({ length: count }, (_, index) => hostPort + index));
  if (ports.length === 0) return;
  const { conntrack } = context.config.programs;
  try {
    if (conntrack === undefined) throw missingProgram('conntrack', 'publishing UDP ports');
    await forgetUdpFlows(conntrack, [...new Set(ports)], join(context.paths.netavark, 'flows'));
  } catch (error) {
    context.log.warning('UDP may still be sent to an earlier container', {
      container: record.name,
      reason: messageOf(error),
    });
  }
}

/** What netavark says of something that is not there. */
function isAboutNothing(error: unknown): boolean {
  return messageOf(error)
    .split('\n')
    .every(line => /No such (device|file or directory)|multiple errors/.test(line));
}

function inputFile(context: EngineContext, id: string): string {
  return join(context.paths.namespaces, `${id}.json`);
}

function connectionOf(
  record: ContainerRecord,
  sandbox: Sandbox,
  endpoint: Endpoint,
  network: NetworkRecord,
): NetavarkConnection {
  const isGateway = sandbox.gateway === network.id;
  const mtu = mtuOf(network);
  const wish = endpointsOf(record).find(({ network: wanted }) => isNamed(network, wanted));
  return {
    containerId: record.id,
    containerName: record.name,
    network: {
      id: network.id,
      bridge: network.bridge,
      subnets: network.pools.map(({ subnet, gateway }) => ({ subnet, gateway })),
      ipv6: network.ipv6,
      internal: network.internal,
      hasNames: !isDefaultNetwork(network),
      ...(mtu === undefined ? {} : { mtu }),
    },
    interfaceName: endpoint.interfaceName,
    addresses: [endpoint.ipv4, endpoint.ipv6].filter(address => address !== undefined),
    mac: endpoint.mac,
    aliases: dnsNamesOf(record, wish?.aliases ?? []).slice(1),
    isGateway,
    nameservers: record.request.HostConfig?.Dns ?? [],
    ports: isGateway ? groupPorts(sandbox.ports) : [],
  };
}

/** Whether a request's word means this network. */
export function isNamed(network: NetworkRecord, wanted: string): boolean {
  return (
    network.name === wanted || (wanted.length >= 12 && network.id.startsWith(wanted)) || network.id === wanted
  );
}

/** What was asked for, else what the way out takes, so that no packet is too long for it. */
function mtuOf(network: NetworkRecord): number | undefined {
  const asked = isDefaultNetwork(network) ? undefined : network.options[MTU_OPTION];
  if (asked !== undefined && asked !== '0') return Number(asked);
  const name = defaultInterface();
  const mtu = name === undefined ? undefined : readMtu(name);
  return mtu !== undefined && mtu < 1500 && mtu >= 576 ? mtu : undefined;
}
