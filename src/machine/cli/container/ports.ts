/** A published or exposed port of a container in a list. */
export interface PortBody {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

/** Ports in Docker's words: neighbours as a range, `0.0.0.0:80->80/tcp, 443/tcp`. */
export function formatPorts(ports: readonly PortBody[]): string {
  const sorted = [...ports].sort(comparePorts);
  const open = new Map<string, { first: number; last: number }>();
  const done: string[] = [];
  const mappings: string[] = [];
  for (const { IP = '', PrivatePort: port, PublicPort = 0, Type: type } of sorted) {
    if (IP !== '' && PublicPort !== port) {
      mappings.push(`${IP}:${PublicPort}->${port}/${type}`);
      continue;
    }
    const key = IP === '' ? type : `${IP}/${type}`;
    const group = open.get(key);
    if (group !== undefined && port === group.last + 1) {
      group.last = port;
      continue;
    }
    if (group !== undefined) done.push(formatGroup(key, group));
    open.set(key, { first: port, last: port });
  }
  const rest = Array.from(open, ([key, group]) => formatGroup(key, group));
  return [...done, ...rest, ...mappings].join(', ');
}

function comparePorts(a: PortBody, b: PortBody): number {
  if (a.PrivatePort !== b.PrivatePort) return a.PrivatePort - b.PrivatePort;
  if ((a.IP ?? '') !== (b.IP ?? '')) return (a.IP ?? '') < (b.IP ?? '') ? -1 : 1;
  if ((a.PublicPort ?? 0) !== (b.PublicPort ?? 0)) return (a.PublicPort ?? 0) - (b.PublicPort ?? 0);
  return a.Type < b.Type ? -1 : a.Type > b.Type ? 1 : 0;
}

function formatGroup(key: string, { first, last }: { first: number; last: number }): string {
  const slash = key.lastIndexOf('/');
  const range = first === last ? String(first) : `${first}-${last}`;
  const mapped = slash < 0 ? range : `${key.slice(0, slash)}:${range}->${range}`;
  return `${mapped}/${key.slice(slash + 1)}`;
}
