import type { ServiceSection } from '../../shared/service/definition.ts';

/** The part of a service that the planner looks at. */
export interface PlannedService {
  readonly name: string;
  readonly section: ServiceSection;
  readonly after: readonly string[];
  readonly before: readonly string[];
  readonly pod?: string;
}

/**
 * Where a service is on its way up. `up` is a longrun that is ready, `done` one that has exited with 0.
 * A failed one with `unmet` never had what it waits for and still starts when that comes.
 */
export type ServiceStatus =
  | { readonly status: 'waiting' }
  | { readonly status: 'starting' }
  | { readonly status: 'up' }
  | { readonly status: 'done' }
  | { readonly status: 'failed'; readonly reason: string; readonly unmet?: readonly string[] };

export type StatusOf = (name: string) => ServiceStatus['status'];

/** What a service still waits for. */
export interface Unmet {
  readonly services: readonly string[];
  readonly conditions: readonly string[];
}

export interface StartPlan {
  /** Names that can be started now, in the order of the definitions. */
  readonly start: readonly string[];
  /** For every other one that has not been started: what for. */
  readonly waiting: ReadonlyMap<string, Unmet>;
}

/**
 * Names of services each service comes after: what its `after` names, who names it in `before`, the pod it
 * shares; onboot services run one after another, and services start when onboot is through. A service may have
 * a condition's name (`network`); then the service is meant. `onshutdown` is not part of the boot.
 */
export function dependenciesOf(services: readonly PlannedService[]): Map<string, Set<string>> {
  const boot = services.filter(service => service.section !== 'onshutdown');
  const names = new Set(boot.map(service => service.name));
  const onboot = boot.filter(service => service.section === 'onboot').map(service => service.name);
  const edges = new Map<string, Set<string>>();
  for (const service of boot) {
    const needed = new Set(service.after.filter(name => names.has(name)));
    if (service.pod !== undefined && names.has(service.pod)) needed.add(service.pod);
    const earlier = service.section === 'onboot' ? onboot.slice(0, onboot.indexOf(service.name)) : onboot;
    for (const name of earlier) needed.add(name);
    edges.set(service.name, needed);
  }
  for (const service of boot) for (const name of service.before) edges.get(name)?.add(service.name);
  return edges;
}

/** Conditions that a service waits for: the names in `after` that are no service. */
export function conditionsOf(service: PlannedService, services: readonly PlannedService[]): string[] {
  return service.after.filter(name => !services.some(other => other.name === name));
}

/**
 * Which services can be started, given how far each is. One that failed no longer holds up those after it: a
 * boot always gets to its end, and a console must come even where the network did not.
 */
export function planStart(
  services: readonly PlannedService[],
  statusOf: StatusOf,
  conditions: ReadonlySet<string>,
): StartPlan {
  const dependencies = dependenciesOf(services);
  const start: string[] = [];
  const waiting = new Map<string, Unmet>();
  for (const service of services) {
    if (service.section === 'onshutdown' || statusOf(service.name) !== 'waiting') continue;
    const unmet: Unmet = {
      services: [...(dependencies.get(service.name) ?? [])].filter(name => !isSettled(statusOf(name))),
      conditions: conditionsOf(service, services).filter(name => !conditions.has(name)),
    };
    if (unmet.services.length === 0 && unmet.conditions.length === 0) start.push(service.name);
    else waiting.set(service.name, unmet);
  }
  return { start, waiting };
}

/** True once a service will not get further by itself within the boot. */
export function isSettled(status: ServiceStatus['status']): boolean {
  return status === 'up' || status === 'done' || status === 'failed';
}

/**
 * Which of the running services can be stopped now: those that no other running one comes after. Called again
 * after each stop it gives the reverse of the order of start, in parallel where that allows. A cycle, which a build
 * refuses, would stop everything that is left at once.
 */
export function planStop(services: readonly PlannedService[], running: ReadonlySet<string>): string[] {
  const dependencies = dependenciesOf(services);
  const needed = new Set<string>();
  for (const name of running) for (const before of dependencies.get(name) ?? []) needed.add(before);
  const free = [...running].filter(name => !needed.has(name));
  return free.length > 0 ? free : [...running];
}

/** `waiting for network, udev`: what is still missing, services first. */
export function formatUnmet(unmet: Unmet): string {
  return `waiting for ${[...unmet.services, ...unmet.conditions].join(', ')}`;
}
