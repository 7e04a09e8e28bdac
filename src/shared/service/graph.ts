import { ToolError } from '../errors.ts';
import { suggest } from '../schema/suggest.ts';
import type { ServiceSection } from './definition.ts';

/** What a service can wait for besides other services. */
export const CONDITIONS: readonly string[] = ['state', 'network', 'config'];

/** The part of a service that decides about order; ServiceDefinition has it. */
export interface OrderedService {
  readonly name: string;
  readonly section: ServiceSection;
  readonly after: readonly string[];
  readonly before: readonly string[];
  /** Whose namespaces it shares. */
  readonly pod?: string;
}

export interface GraphFault {
  readonly message: string;
  readonly hint: string;
  /** Whose key is at fault. */
  readonly service: string;
  readonly key: 'after' | 'before' | 'pod';
  /** The name in that key. */
  readonly target: string;
}

export interface GraphOptions {
  /** Names of the cargo file systems that the image has. */
  readonly cargo?: readonly string[];
}

/**
 * Everything that keeps services from being ordered: unknown names, waiting across sections, cycles.
 * `onboot` and `onshutdown` run in the order written; services start when `onboot` is done. `network` is a condition,
 * and where a service is called so too, the name means both. A service comes after the one whose pod it shares.
 */
export function graphFaults(services: readonly OrderedService[], options: GraphOptions = {}): GraphFault[] {
  const byName = new Map(services.map(service => [service.name, service]));
  const faults: GraphFault[] = [];
  for (const service of services) {
    for (const key of ['after', 'before'] as const) {
      for (const target of service[key]) {
        const problem = linkProblem(service, key, target, byName, options.cargo ?? []);
        if (problem) faults.push({ ...problem, service: service.name, key, target });
      }
    }
    const problem = podProblem(service, byName);
    if (problem) faults.push({ ...problem, service: service.name, key: 'pod', target: service.pod ?? '' });
  }
  return [...faults, ...cycleFaults(services, byName)];
}

/** Throws SERVICE_GRAPH with every fault of the graph. */
export function checkServiceGraph(services: readonly OrderedService[], options: GraphOptions = {}): void {
  const faults = graphFaults(services, options);
  const [first] = faults;
  if (!first) return;
  throw new ToolError(`ordering the services: ${faults.map(fault => fault.message).join('; ')}`, {
    code: 'SERVICE_GRAPH',
    kind: 'invalid-input',
    hint: first.hint,
  });
}

/**
 * Services in an order in which each comes after what it waits for: onboot, services, onshutdown; among
 * those that could be next, the order given. Throws SERVICE_GRAPH.
 */
export function orderServices<T extends OrderedService>(services: readonly T[]): T[] {
  checkServiceGraph(services, { cargo: cargoNames(services) });
  const edges = edgesOf(services, new Map(services.map(service => [service.name, service])));
  const placed = new Set<string>();
  const ordered: T[] = [];
  const place = (service: T): void => {
    if (placed.has(service.name)) return;
    placed.add(service.name);
    for (const name of edges.get(service.name) ?? []) {
      const needed = services.find(other => other.name === name);
      if (needed) place(needed);
    }
    ordered.push(service);
  };
  for (const section of ['onboot', 'services', 'onshutdown']) {
    for (const service of services) if (service.section === section) place(service);
  }
  return ordered;
}

function cargoNames(services: readonly OrderedService[]): string[] {
  return services.flatMap(({ after }) => after.filter(isCargo).map(name => name.slice('cargo:'.length)));
}

function isCargo(name: string): boolean {
  return name.startsWith('cargo:');
}

function linkProblem(
  service: OrderedService,
  key: 'after' | 'before',
  target: string,
  byName: ReadonlyMap<string, OrderedService>,
  cargo: readonly string[],
): { message: string; hint: string } | undefined {
  const other = byName.get(target);
  const who = `${service.section} ${JSON.stringify(service.name)}`;
  if (key === 'after' && isCargo(target)) {
    if (cargo.includes(target.slice('cargo:'.length))) return undefined;
    return { message: `${who}: there is no ${JSON.stringify(target)} in this image`, hint: 'remove it' };
  }
  if (!other) {
    if (key === 'after' && CONDITIONS.includes(target)) return undefined;
    const services = [...byName.keys()].filter(name => name !== service.name);
    const near = suggest(target, [...services, ...(key === 'after' ? CONDITIONS : [])]);
    const conditions = key === 'after' ? `; conditions are ${CONDITIONS.join(', ')}` : '';
    const known = `there are ${services.join(', ') || 'no others'}`;
    return {
      message: `${who}: ${key} names ${JSON.stringify(target)}, which is no service`,
      hint: near === undefined ? `${known}${conditions}` : `did you mean ${JSON.stringify(near)}?`,
    };
  }
  const [first, second] = key === 'after' ? [other, service] : [service, other];
  if (RANK[first.section] <= RANK[second.section]) return undefined;
  return {
    message: `${who} ${key === 'after' ? 'waits for' : 'is to come before'} ${JSON.stringify(target)} of ${other.section}, but ${ORDER_TEXT[second.section]}`,
    hint: `move one of the two to the other's section, or remove the name`,
  };
}

/** Only what keeps running can lend its namespaces, and only while it runs: oneshots can't. */
function podProblem(
  service: OrderedService,
  byName: ReadonlyMap<string, OrderedService>,
): { message: string; hint: string } | undefined {
  const { pod } = service;
  if (pod === undefined) return undefined;
  const owner = byName.get(pod);
  const reason = !owner
    ? 'is no service'
    : owner === service
      ? 'is the service itself'
      : owner.pod !== undefined
        ? 'is in a pod itself'
        : owner.section !== 'services' || service.section !== 'services'
          ? `does not run at that time: both must be in "services"`
          : undefined;
  if (reason === undefined) return undefined;
  return {
    message: `${service.section} ${JSON.stringify(service.name)}: pod names ${JSON.stringify(pod)}, which ${reason}`,
    hint: 'name a service that has its own namespaces',
  };
}

const RANK: Readonly<Record<ServiceSection, number>> = { onboot: 0, services: 1, onshutdown: 2 };
const ORDER_TEXT: Readonly<Record<ServiceSection, string>> = {
  onboot: 'services start when onboot is done',
  services: 'onshutdown runs when services end',
  onshutdown: 'onshutdown runs last',
};

/** name -> names that must be up before, within its own section. */
function edgesOf(
  services: readonly OrderedService[],
  byName: ReadonlyMap<string, OrderedService>,
): Map<string, string[]> {
  const edges = new Map(services.map(service => [service.name, [] as string[]]));
  const add = (later: OrderedService | undefined, earlier: OrderedService | undefined): void => {
    if (earlier && later?.section === earlier.section) edges.get(later.name)?.push(earlier.name);
  };
  const previous = new Map<ServiceSection, OrderedService>();
  for (const service of services) {
    for (const name of service.after) add(service, byName.get(name));
    for (const name of service.before) add(byName.get(name), service);
    if (service.pod !== service.name) add(service, byName.get(service.pod ?? ''));
    if (service.section !== 'services') add(service, previous.get(service.section));
    previous.set(service.section, service);
  }
  return edges;
}

function cycleFaults(
  services: readonly OrderedService[],
  byName: ReadonlyMap<string, OrderedService>,
): GraphFault[] {
  const edges = edgesOf(services, byName);
  const done = new Set<string>();
  const faults: GraphFault[] = [];
  const visit = (name: string, path: readonly string[]): void => {
    const start = path.indexOf(name);
    if (start !== -1) {
      faults.push(cycleFault(path.slice(start), byName));
      return;
    }
    if (done.has(name)) return;
    for (const next of edges.get(name) ?? []) visit(next, [...path, name]);
    done.add(name);
  };
  for (const { name } of services) visit(name, []);
  return faults;
}

function cycleFault(cycle: readonly string[], byName: ReadonlyMap<string, OrderedService>): GraphFault {
  const [first = ''] = cycle;
  const text = [...cycle, first].join(' -> ');
  const written = cycle.flatMap((name, i): Pick<GraphFault, 'service' | 'key' | 'target'>[] => {
    const next = cycle[(i + 1) % cycle.length] ?? first;
    if (byName.get(name)?.after.includes(next)) return [{ service: name, key: 'after', target: next }];
    if (byName.get(name)?.pod === next) return [{ service: name, key: 'pod', target: next }];
    if (byName.get(next)?.before.includes(name)) return [{ service: next, key: 'before', target: name }];
    return [];
  });
  const section = byName.get(first)?.section;
  const inOrder = section === 'services' ? '' : ` (${section} runs in the order written)`;
  return {
    message: `services wait for each other: ${text}${inOrder}`,
    hint: 'remove one of these from after or before',
    ...(written[0] ?? { service: first, key: 'after', target: first }),
  };
}
