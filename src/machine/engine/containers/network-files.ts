import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isSystemError } from '../../../shared/errors.ts';
import type { HostConfig } from '../../engine-api/wire.ts';
import type { EngineContext } from '../context.ts';
import { nonEmpty } from '../non-empty.ts';
import type { PlannedMount } from '../runtime/oci-mounts.ts';
import { hostnameOf } from '../runtime/oci-spec.ts';
import type { ContainerRecord } from '../store/container-record.ts';

/** What a container's networks say of names; everything is empty in the modes host and none. */
export interface NetworkNames {
  /** Its own addresses, which /etc/hosts gives its host name. */
  readonly ownAddresses: readonly string[];
  /** More lines for /etc/hosts, such as links. */
  readonly hosts: readonly { readonly address: string; readonly names: readonly string[] }[];
  /** Servers that know the other containers; they take the place of all others in /etc/resolv.conf. */
  readonly nameservers: readonly string[];
  /** What `host-gateway` means in ExtraHosts: the machine, seen from inside. */
  readonly hostGateway?: string;
}

/** Paths of a container's files on the machine; each is mounted over the one of that name below /etc. */
export interface NetworkFilePaths {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

export const HOST_GATEWAY = 'host-gateway';

const MAX_FILE_BYTES = 64 * 1024;
const LOCAL_LINES = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

/** Where a container's files are; those of the container whose network it shares. Undefined for services. */
export function networkFilesOf(
  context: EngineContext,
  record: ContainerRecord,
): NetworkFilePaths | undefined {
  if (record.request.Slipway !== undefined) return undefined;
  const mode = record.request.HostConfig?.NetworkMode ?? '';
  if (mode.startsWith('container:')) {
    const other = context.table.resolve(mode.slice('container:'.length));
    // Sharing does not chain: a network belongs to the container that has one of its own.
    const chains = other.request.HostConfig?.NetworkMode?.startsWith('container:') === true;
    return chains ? undefined : networkFilesOf(context, other);
  }
  const { bundle } = context.table.paths(record.id);
  return {
    hosts: join(bundle, 'hosts'),
    hostname: join(bundle, 'hostname'),
    resolvConf: join(bundle, 'resolv.conf'),
  };
}

/**
 * Writes the files of a container that is about to start, or whose networks have changed, and answers the mounts
 * that show them. A file that a running container sees is written in place. All of them are in memory.
 */
export function writeNetworkFiles(
  context: EngineContext,
  record: ContainerRecord,
  names: NetworkNames,
): PlannedMount[] {
  const files = networkFilesOf(context, record);
  if (files === undefined) return [];
  const host = record.request.HostConfig ?? {};
  if (host.NetworkMode?.startsWith('container:') !== true) {
    mkdirSync(context.table.paths(record.id).bundle, { recursive: true, mode: 0o700 });
    const name = hostnameOf(record.request, record.id, hostname());
    const domain = nonEmpty(record.request.Domainname);
    const fullName = domain === undefined ? name : `${name}.${domain}`;
    const onHost = host.NetworkMode === 'host';
    write(files.hostname, `${name}\n`);
    write(
      files.hosts,
      formatHosts(
        onHost ? readOr('/etc/hosts', `${LOCAL_LINES.join('\n')}\n`) : `${LOCAL_LINES.join('\n')}\n`,
        host.ExtraHosts ?? [],
        names,
        domain === undefined ? [name] : [fullName, name],
      ),
    );
    write(
      files.resolvConf,
      formatResolvConf(readOr('/etc/resolv.conf', ''), host, names.nameservers, onHost),
    );
  }
  const access = host.ReadonlyRootfs === true ? ['ro'] : [];
  return [
    { destination: '/etc/resolv.conf', source: files.resolvConf },
    { destination: '/etc/hostname', source: files.hostname },
    { destination: '/etc/hosts', source: files.hosts },
  ].map(mount => ({ ...mount, type: 'bind', options: ['rbind', 'rprivate', ...access], makeSource: false }));
}

/** /etc/hosts: the local names, what the request adds, then the container itself. */
export function formatHosts(
  base: string,
  extra: readonly string[],
  names: NetworkNames,
  ownNames: readonly string[],
): string {
  const lines = [
    ...extra.flatMap(entry => {
      const { name, address } = parseExtraHost(entry);
      const real = address === HOST_GATEWAY ? names.hostGateway : address;
      return real === undefined ? [] : [`${real}\t${name}`];
    }),
    ...names.hosts.map(({ address, names: others }) => `${address}\t${others.join(' ')}`),
    ...names.ownAddresses.map(address => `${address}\t${ownNames.join(' ')}`),
  ];
  return base.replace(/\n*$/, '\n') + lines.map(line => `${line}\n`).join('');
}

/** Splits `NAME:ADDRESS`; what was checked at create. */
export function parseExtraHost(entry: string): { readonly name: string; readonly address: string } {
  const at = entry.search(/[:=]/);
  return { name: entry.slice(0, Math.max(0, at)), address: entry.slice(at + 1).replace(/^\[(.*)\]$/, '$1') };
}

/**
 * /etc/resolv.conf: what the request says, else what the machine has. Servers on the machine's own loopback can't
 * be reached from another network, so they are left out there.
 */
export function formatResolvConf(
  machine: string,
  host: Pick<HostConfig, 'Dns' | 'DnsSearch' | 'DnsOptions'>,
  nameservers: readonly string[],
  onHost: boolean,
): string {
  const own = parseResolvConf(machine);
  const asked = host.Dns ?? [];
  const reachable = own.nameservers.filter(address => onHost || !/^(127\.|::1$)/.test(address));
  const servers = nameservers.length > 0 ? nameservers : asked.length > 0 ? asked : reachable;
  const searches = (host.DnsSearch ?? []).length > 0 ? (host.DnsSearch ?? []) : own.searches;
  const options = (host.DnsOptions ?? []).length > 0 ? (host.DnsOptions ?? []) : own.options;
  // A lone dot asks for no search list.
  const hasSearch = searches.length > 0 && !(searches.length === 1 && searches[0] === '.');
  return [
    ...servers.map(address => `nameserver ${address}\n`),
    ...(hasSearch ? [`search ${searches.join(' ')}\n`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}\n`] : []),
  ].join('');
}

/** The servers, search list and options of a resolv.conf(5). */
export function parseResolvConf(text: string): {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
} {
  const nameservers: string[] = [];
  let searches: readonly string[] = [];
  const options: string[] = [];
  for (const line of text.split('\n')) {
    const [key, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (key === 'nameserver' && isIP(values[0]?.split('%')[0] ?? '') !== 0) nameservers.push(values[0] ?? '');
    else if (key === 'search' || key === 'domain') searches = values;
    else if (key === 'options') options.push(...values);
  }
  return { nameservers, searches, options };
}

/** In place: the file may be mounted in a container. */
function write(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o644 });
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8').slice(0, MAX_FILE_BYTES);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'EACCES', 'EISDIR')) return otherwise;
    throw error;
  }
}
