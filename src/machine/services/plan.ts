import type { ServiceSection } from '../../shared/service/definition.ts';
import { type ServiceStatus, isSettled } from './status.ts';

/** The part of a service that the planner looks at. */
export interface PlannedService {
  readonly name: string;
  readonly section: ServiceSection;
  readonly after: readonly string[];
  readonly before: readonly string[];
  readonly pod?: string;
}

export type StatusOf = (name: string) => ServiceStatus;

/** What a service still waits for. */
export interface Unmet {
  /** Services that are on their way: each ends its wait itself. */
  readonly services: readonly string[];
  /** Conditions, which may never come; `pod:NAME` is one. */
  readonly conditions: readonly string[];
}

/** What is to be done now. */
export type Step =
  /** Bring it up. */
  | { readonly kind: 'start'; readonly name: string }
  /** It waits for nothing but conditions: from now on its own timeout runs. */
  | { readonly kind: 'limit'; readonly name: string; readonly unmet: Unmet }
  /** It was given up for want of a condition, and now has it: it waits like any other. */
  | { readonly kind: 'revive'; readonly name: string };

export interface Plan {
  /** In the order of the definitions. */
  readonly steps: readonly Step[];
  /** For every service that can't be started yet: what for. */
  readonly waiting: ReadonlyMap<string, Unmet>;
}

const POD = 'pod:';
/** The condition that may have the name of a service. */
export const NETWORK = 'network';

/**
 * Names of services each service comes after: what its `after` names, who names it in `before`, the pod it
 * shares; onboot services run one after another, and services start when onboot is through. `onshutdown` is not part of the boot.
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

/**
 * Conditions that a service waits for: the names in `after` that are no service; `network` also where a service is
 * called so, since that runs long before there is an address; and `pod:NAME`, which holds while the service NAME is
 * up: there are no namespaces to share before, nor after it failed.
 */
export function conditionsOf(service: PlannedService, services: readonly PlannedService[]): string[] {
  const conditions = service.after.filter(
    name => name === NETWORK || !services.some(other => other.name === name),
  );
  return service.pod === undefined ? conditions : [...conditions, POD + service.pod];
}

/**
 * What is to be done, given how far each service is and which conditions hold. A service that failed no longer holds
 * up those after it: a boot always gets to its end, and a console must come even where the network did not.
 */
export function planSteps(
  services: readonly PlannedService[],
  statusOf: StatusOf,
  conditions: ReadonlySet<string>,
): Plan {
  const dependencies = dependenciesOf(services);
  const isMet = (condition: string): boolean =>
    condition.startsWith(POD)
      ? statusOf(condition.slice(POD.length)).status === 'up'
      : conditions.has(condition);
  const steps: Step[] = [];
  const waiting = new Map<string, Unmet>();
  for (const service of services) {
    const { name } = service;
    if (service.section === 'onshutdown') continue;
    const status = statusOf(name);
    if (status.status === 'failed' && status.unmet?.every(isMet) === true)
      steps.push({ kind: 'revive', name });
    if (status.status !== 'waiting') continue;
    const unmet: Unmet = {
      services: [...(dependencies.get(name) ?? [])].filter(other => !isSettled(statusOf(other))),
      conditions: conditionsOf(service, services).filter(condition => !isMet(condition)),
    };
    if (unmet.services.length > 0) waiting.set(name, unmet);
    else if (unmet.conditions.length === 0) steps.push({ kind: 'start', name });
    else {
      waiting.set(name, unmet);
      steps.push({ kind: 'limit', name, unmet });
    }
  }
  return { steps, waiting };
}

/**
 * Which of the running services can be stopped now: those that no other running one comes after, be it through
 * services that do not run any more. Called again after each stop it gives the reverse of the order of start, in
 * parallel where that allows. A cycle, which a build refuses, would stop everything that is left at once.
 */
export function planStop(services: readonly PlannedService[], running: ReadonlySet<string>): string[] {
  const dependencies = dependenciesOf(services);
  const needed = new Set<string>();
  const need = (name: string): void => {
    for (const other of dependencies.get(name) ?? []) {
      if (needed.has(other)) continue;
      needed.add(other);
      need(other);
    }
  };
  for (const name of running) need(name);
  const free = [...running].filter(name => !needed.has(name));
  return free.length > 0 ? free : [...running];
}

/** Whether a service waits for a condition, and for nothing but conditions, or was given up for want of it. */
export function isHeldUpBy(
  condition: string,
  waiting: ReadonlyMap<string, Unmet>,
  statuses: readonly ServiceStatus[],
): boolean {
  const isAwaited = [...waiting.values()].some(
    ({ services, conditions }) => services.length === 0 && conditions.includes(condition),
  );
  return (
    isAwaited ||
    statuses.some(status => status.status === 'failed' && status.unmet?.includes(condition) === true)
  );
}

/** What is waited for, services first, each once: `udev`, `network (an address)`, `web, whose pod it shares`. */
export function namesOfUnmet(unmet: Unmet): string[] {
  const conditions = unmet.conditions.flatMap(condition => {
    // Its service may be up for long, and is listed so.
    if (condition === NETWORK) return unmet.services.includes(NETWORK) ? [] : [`${NETWORK} (an address)`];
    if (!condition.startsWith(POD)) return [condition];
    const owner = condition.slice(POD.length);
    return unmet.services.includes(owner) ? [] : [`${owner}, whose pod it shares`];
  });
  return [...unmet.services, ...conditions];
}

/** `waiting for udev, network`: what is still missing, services first. */
export function formatUnmet(unmet: Unmet): string {
  return `waiting for ${namesOfUnmet(unmet).join(', ')}`;
}
