import { CommandFailure } from '../failure.ts';

export interface PortWishes {
  readonly exposed: Readonly<Record<string, object>>;
  readonly bindings: Readonly<
    Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>
  >;
}

/** Reads --publish and --expose: `[[ADDRESS:]PORT:]PORT[/PROTOCOL]`, ports or ranges. Throws CommandFailure. */
export function parsePorts(publish: readonly string[], expose: readonly string[]): PortWishes {
  const exposed: Record<string, object> = {};
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const text of publish) {
    const published = /[=]/.test(text) && /^[a-z]+=/.test(text) ? longForm(text) : text;
    for (const { key, HostIp, HostPort } of parsePublish(published)) {
      exposed[key] = {};
      (bindings[key] ??= []).push({ HostIp, HostPort });
    }
  }
  for (const text of expose) {
    if (text.includes(':')) throw fault(`invalid port format for --expose: ${text}`);
    const { ports, protocol } = splitProtocol(text);
    const range = parseRange(ports);
    if (range === undefined)
      throw fault(`invalid range format for --expose: ${text}, error: Invalid containerPort`);
    for (let port = range[0]; port <= range[1]; port += 1) exposed[`${port}/${protocol}`] ??= {};
  }
  return { exposed, bindings };
}

function parsePublish(text: string): { key: string; HostIp: string; HostPort: string }[] {
  const bracketed = /^\[([^\]]+)\]:(.*)$/.exec(text);
  const parts = (bracketed?.[2] ?? text).split(':');
  const container = parts.pop() ?? '';
  const host = parts.pop() ?? '';
  const HostIp = bracketed?.[1] ?? parts.join(':');
  const { ports, protocol } = splitProtocol(container);
  if (ports === '') throw fault(`No port specified: ${text}<empty>`);
  if (HostIp !== '' && !/^[\da-fA-F.:]+$/.test(HostIp)) throw fault(`Invalid ip address: ${HostIp}`);
  const range = parseRange(ports);
  if (range === undefined) throw fault(`Invalid containerPort: ${ports}`);
  const hostRange = host === '' ? undefined : parseRange(host);
  if (host !== '' && hostRange === undefined) throw fault(`Invalid hostPort: ${host}`);
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw fault(`Invalid proto: ${protocol}`);
  const [first, last] = range;
  const count = last - first;
  if (hostRange !== undefined && hostRange[1] - hostRange[0] !== count && first !== last) {
    throw fault(`Invalid ranges specified for container and host Ports: ${ports} and ${host}`);
  }
  return Array.from({ length: count + 1 }, (_, index) => ({
    key: `${first + index}/${protocol}`,
    HostIp,
    HostPort: hostPort(hostRange, first === last, index),
  }));
}

/** A range of the host for one port of the container leaves the choice to the engine. */
function hostPort(range: readonly [number, number] | undefined, isSingle: boolean, index: number): string {
  if (range === undefined) return '';
  const [first, last] = range;
  return isSingle && last !== first ? `${first}-${last}` : String(first + index);
}

function longForm(text: string): string {
  const fields = new Map(text.split(',').map(field => field.split(/=(.*)/s).slice(0, 2) as [string, string]));
  const target = fields.get('target') ?? '';
  const published = fields.get('published');
  const address = fields.get('host_ip');
  const protocol = fields.get('protocol') ?? 'tcp';
  const before = [
    ...(address === undefined ? [] : [`[${address}]`]),
    ...(published === undefined ? [] : [published]),
  ];
  return `${[...before, target].join(':')}/${protocol}`;
}

function splitProtocol(text: string): { ports: string; protocol: string } {
  const [ports = '', protocol = 'tcp'] = text.split('/');
  return { ports, protocol: protocol === '' ? 'tcp' : protocol.toLowerCase() };
}

function parseRange(text: string): [number, number] | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first <= last && last <= 65_535 ? [first, last] : undefined;
}

function fault(message: string): CommandFailure {
  return new CommandFailure(125, message);
}
