import { closeSync, constants, openSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ToolError } from '../../../shared/errors.ts';
import { PROGRAM_PATH, runProgram } from '../../host/run-program.ts';

/** How netavark is called. */
export interface Netavark {
  readonly program: string;
  readonly aardvarkDns: string;
  /** netavark finds it by its name. */
  readonly nft: string;
  /** Where it keeps what it has done, and names for aardvark-dns. */
  readonly folder: string;
  /** A FIFO that aardvark-dns holds open for as long as it lives. */
  readonly alive: string;
}

/** One container in one network. */
export interface NetavarkConnection {
  readonly containerId: string;
  readonly containerName: string;
  readonly network: {
    readonly id: string;
    readonly bridge: string;
    readonly subnets: readonly { readonly subnet: string; readonly gateway: string }[];
    readonly ipv6: boolean;
    readonly internal: boolean;
    /** Names of containers are looked up in it. */
    readonly hasNames: boolean;
    readonly mtu?: number;
  };
  readonly interfaceName: string;
  readonly addresses: readonly string[];
  readonly mac: string;
  readonly aliases: readonly string[];
  /** The default route goes through it. */
  readonly isGateway: boolean;
  /** Servers that are asked for other names than containers'; none: the machine's. */
  readonly nameservers: readonly string[];
  readonly ports: readonly {
    readonly containerPort: number;
    readonly protocol: string;
    readonly hostIp: string;
    readonly hostPort: number;
    readonly count: number;
  }[];
}

/**
 * Where aardvark-dns listens on a network's gateway; netavark leads port 53 there. Not 53 itself, which a container of
 * the machine may publish.
 */
export const DNS_PORT = 28_053;

const TIMEOUT_MS = 60_000;

/** netavark's input. A network goes by its id there, since names of ours are not all names of files. */
export function formatNetavarkInput(connection: NetavarkConnection): Readonly<Record<string, unknown>> {
  const { network } = connection;
  const key = network.id;
  return {
    container_id: connection.containerId,
    container_name: connection.containerName,
    networks: {
      [key]: {
        interface_name: connection.interfaceName,
        static_ips: connection.addresses,
        static_mac: connection.mac,
        aliases: network.hasNames ? connection.aliases : [],
      },
    },
    network_info: {
      [key]: {
        id: network.id,
        name: key,
        driver: 'bridge',
        network_interface: network.bridge,
        subnets: network.subnets,
        ipv6_enabled: network.ipv6,
        internal: network.internal,
        dns_enabled: network.hasNames,
        ipam_options: { driver: 'host-local' },
        options: {
          // Networks don't see each other.
          isolate: 'true',
          ...(connection.isGateway ? {} : { no_default_route: 'true' }),
          ...(network.mtu === undefined ? {} : { mtu: String(network.mtu) }),
        },
      },
    },
    port_mappings: connection.ports.map(port => ({
      container_port: port.containerPort,
      host_port: port.hostPort,
      host_ip: port.hostIp,
      protocol: port.protocol,
      range: port.count,
    })),
    ...(connection.nameservers.length === 0 ? {} : { dns_servers: connection.nameservers }),
  };
}

/**
 * Connects or disconnects a network namespace. Only one may run at a time. Throws NETWORK_SETUP_FAILED with netavark's
 * words; disconnecting goes as far as it can all the same.
 * @param namespace file of the namespace
 * @param inputFile where the input is written for it
 */
export async function runNetavark(
  netavark: Netavark,
  command: 'setup' | 'teardown',
  connection: NetavarkConnection,
  namespace: string,
  inputFile: string,
): Promise<void> {
  await writeFile(inputFile, JSON.stringify(formatNetavarkInput(connection)), { mode: 0o600 });
  const alive = openSync(netavark.alive, constants.O_RDWR | constants.O_NONBLOCK);
  const { exitCode, stdout, stderr } = await runProgram(
    [
      netavark.program,
      ...['--firewall-driver', 'nftables', '--config', netavark.folder],
      ...['--aardvark-binary', netavark.aardvarkDns, '--file', inputFile],
      ...[command, namespace],
    ],
    {
      timeoutMs: TIMEOUT_MS,
      env: { PATH: `${dirname(netavark.nft)}:${PROGRAM_PATH}`, NETAVARK_DNS_PORT: String(DNS_PORT) },
      file: alive,
    },
  ).finally(() => closeSync(alive));
  if (exitCode !== 0) throw networkFailure(reasonOf(stdout) ?? (stderr.trim() || `exit code ${exitCode}`));
}

/** 500 */
export function networkFailure(reason: string): ToolError {
  return new ToolError(`failed to set up container networking: ${reason}`, {
    code: 'NETWORK_SETUP_FAILED',
    kind: 'environment',
  });
}

/** netavark says on its standard output what went wrong. */
function reasonOf(stdout: string): string | undefined {
  try {
    const { error } = JSON.parse(stdout) as { readonly error?: unknown };
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}
