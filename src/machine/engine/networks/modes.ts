import type { ContainerCreateRequest, EndpointSettings } from '../../engine-api/wire.ts';
import { invalidParameter, notSupported } from '../docker-errors.ts';
import { nonEmpty } from '../non-empty.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import { parseAddress } from './address.ts';
import type { EndpointWish } from './endpoint.ts';

/** The network that a container has unless it chooses, by Docker's name. */
export const DEFAULT_NETWORK = 'bridge';

const ALIAS = /^[a-zA-Z0-9_]([\w.-]{0,253}[a-zA-Z0-9_])?$/;
const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;

/** A request's network mode, with Docker's words for the default one made plain. */
export function networkModeOf(request: ContainerCreateRequest): string {
  if (request.NetworkDisabled === true) return 'none';
  const mode = nonEmpty(request.HostConfig?.NetworkMode) ?? 'default';
  // LinuxKit's word in definitions of services.
  if (mode === 'new' && request.Slipway !== undefined) return 'none';
  return mode === 'default' ? DEFAULT_NETWORK : mode;
}

/** Whether a mode names networks of the engine: not the machine's own, none, another container's, or a path. */
export function isNetworkName(mode: string): boolean {
  return mode !== 'host' && mode !== 'none' && !mode.startsWith('container:') && !mode.startsWith('/');
}

/** Whether a container is given a network namespace by the engine. */
export function hasSandbox(record: Pick<ContainerRecord, 'request' | 'endpoints'>): boolean {
  return isNetworkName(networkModeOf(record.request)) || (record.endpoints ?? []).length > 0;
}

/** The networks of a container, the first one that of its mode. */
export function endpointsOf(record: Pick<ContainerRecord, 'request' | 'endpoints'>): readonly EndpointWish[] {
  return record.endpoints ?? planEndpoints(record.request);
}

/** What a request says of networks. Throws ENGINE_INVALID_PARAMETER. */
export function planEndpoints(request: ContainerCreateRequest): EndpointWish[] {
  const mode = networkModeOf(request);
  const settings = new Map(
    Object.entries(request.NetworkingConfig?.EndpointsConfig ?? {}).map(([name, one]) => [
      name === 'default' ? DEFAULT_NETWORK : name,
      one,
    ]),
  );
  const others = [...settings.keys()].filter(name => name !== mode);
  if (!isNetworkName(mode)) {
    // Clients before API 1.44 name the default network all the same.
    const meant = others.filter(name => name !== DEFAULT_NETWORK);
    if (meant.length > 0) throw invalidParameter(sharedModeSentence(mode));
    return [];
  }
  const first = settings.get(mode) ?? {};
  const mac = nonEmpty(first.MacAddress) ?? nonEmpty(request.MacAddress);
  return [
    planEndpoint(mode, { ...first, ...(mac === undefined ? {} : { MacAddress: mac }) }),
    ...others.map(name => planEndpoint(name, settings.get(name) ?? {})),
  ];
}

/**
 * Refuses what a request asks of a network that is another's: it would silently not be done. Of the request as it came,
 * since an image's own ports and names are no contradiction. Throws ENGINE_INVALID_PARAMETER.
 */
export function checkNetworkConflicts(request: ContainerCreateRequest): void {
  const host = request.HostConfig ?? {};
  const mode = networkModeOf(request);
  if (mode === 'container:') {
    throw invalidParameter('Invalid network mode: invalid container format container:<name|id>');
  }
  if (host.UTSMode === 'host' && nonEmpty(request.Hostname) !== undefined) {
    throw invalidParameter('conflicting options: hostname and the UTS mode');
  }
  if (mode === 'host' && (host.Links ?? []).length > 0) {
    throw invalidParameter(
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    );
  }
  if (!mode.startsWith('container:')) return;
  const conflicts: readonly [boolean, string][] = [
    [nonEmpty(request.Hostname) !== undefined, 'hostname and the network mode'],
    [
      (host.Links ?? []).length > 0,
      "container type network can't be used with links. This would result in undefined behavior",
    ],
    [(host.Dns ?? []).length > 0, 'dns and the network mode'],
    [(host.ExtraHosts ?? []).length > 0, 'custom host-to-IP mapping and the network mode'],
    [nonEmpty(request.MacAddress) !== undefined, 'mac-address and the network mode'],
    [
      Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts === true,
      'port publishing and the container type network mode',
    ],
    [(request.ExposedPorts ?? []).length > 0, 'port exposing and the container type network mode'],
  ];
  const found = conflicts.find(([is]) => is);
  if (found !== undefined) throw invalidParameter(`conflicting options: ${found[1]}`);
}

/** Why a container of a mode cannot be in a network as well, in Docker's words. */
export function sharedModeSentence(mode: string): string {
  return mode === 'none'
    ? 'container cannot be connected to multiple networks with one of the networks in private (none) mode'
    : 'container sharing network namespace with another container or host cannot be connected to any other network';
}

/** One network's settings, checked as far as they can be without the network. Throws ENGINE_INVALID_PARAMETER, ENGINE_NOT_SUPPORTED. */
export function planEndpoint(network: string, settings: EndpointSettings): EndpointWish {
  const ipv4 = nonEmpty(settings.IPAMConfig?.IPv4Address);
  const ipv6 = nonEmpty(settings.IPAMConfig?.IPv6Address);
  const mac = nonEmpty(settings.MacAddress);
  const aliases = settings.Aliases ?? [];
  if (network === DEFAULT_NETWORK) {
    if (ipv4 !== undefined || ipv6 !== undefined) {
      throw invalidParameter('user specified IP address is supported on user defined networks only');
    }
    if (aliases.length > 0) {
      throw invalidParameter(
        'network-scoped alias is supported only for containers in user defined networks',
      );
    }
  }
  const addresses: readonly [4 | 6, string | undefined][] = [
    [4, ipv4],
    [6, ipv6],
  ];
  for (const [version, text] of addresses) {
    if (text !== undefined && parseAddress(text)?.version !== version) {
      throw invalidParameter(
        `invalid endpoint settings:\ninvalid IPv${version} address: ${text}`.replaceAll(
          /[^\x20-\x7e\n]/g,
          '?',
        ),
      );
    }
  }
  // They become lines of a file of names.
  for (const alias of aliases) {
    if (!ALIAS.test(alias)) throw invalidParameter(`invalid network alias: ${JSON.stringify(alias)}`);
  }
  if (mac !== undefined && !MAC.test(mac))
    throw invalidParameter(`invalid config for network ${network}: invalid MAC address ${mac}`);
  if ((settings.IPAMConfig?.LinkLocalIPs ?? []).length > 0) throw notSupported('a link-local address');
  for (const link of settings.Links ?? []) parseLink(link);
  return {
    network,
    aliases: [...new Set(aliases)],
    links: settings.Links ?? [],
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    ...(mac === undefined ? {} : { mac: mac.toLowerCase().replaceAll('-', ':') }),
    driverOptions: settings.DriverOpts ?? {},
  };
}

/** Splits `CONTAINER[:ALIAS]`. Throws ENGINE_INVALID_PARAMETER. */
export function parseLink(link: string): { readonly container: string; readonly alias: string } {
  const [container = '', alias = container, ...more] = link.split(':');
  const name = alias.slice(alias.lastIndexOf('/') + 1);
  if (container === '' || more.length > 0 || !ALIAS.test(name)) {
    throw invalidParameter(`bad format for links: ${link}`);
  }
  return { container, alias: name };
}

/** The names of a container on a network whose names are answered; its own name is the first. */
export function dnsNamesOf(record: ContainerRecord, aliases: readonly string[]): string[] {
  const hostName = nonEmpty(record.request.Hostname);
  return [
    ...new Set([
      record.name,
      ...aliases,
      record.id.slice(0, 12),
      ...(hostName === undefined ? [] : [hostName]),
    ]),
  ];
}
