import { type ServiceDefinition, isOneshot } from '../../shared/service/definition.ts';
import type { ContainerSummary } from '../engine-client/engine-client.ts';
import { type Unmet, namesOfUnmet } from '../services/plan.ts';
import { formatReadiness } from '../services/readiness.ts';
import type { ServiceProgress } from '../services/status.ts';
import type { ServiceDetails, ServiceView } from './wire.ts';

/** How a service is now: what the planner knows, and for one that was up, what the engine sees. */
export function serviceView(
  definition: ServiceDefinition,
  progress: ServiceProgress | undefined,
  unmet: Unmet | undefined,
  container: ContainerSummary | undefined,
): ServiceView {
  const waitsFor = waitsForOf(definition, progress, unmet);
  const { status, detail } = describe(definition, progress, waitsFor, container);
  return {
    name: definition.name,
    section: definition.section,
    image: definition.image,
    status,
    detail,
    waitsFor,
    pid: container?.pid ?? 0,
    restarts: container?.restartCount ?? 0,
    ...(progress?.startedAt === undefined ? {} : { startedAt: progress.startedAt }),
    ...(progress?.upAt === undefined ? {} : { upAt: progress.upAt }),
  };
}

/** Everything that a person may want to know of one service. */
export function serviceDetails(
  view: ServiceView,
  definition: ServiceDefinition,
  container: ContainerSummary | undefined,
): ServiceDetails {
  const { after, before, pod, onFailure, timeoutMs, stop } = definition;
  return {
    ...view,
    ...containerDetails(container),
    after,
    before,
    ...(pod === undefined ? {} : { pod }),
    upWhen: signOf(definition),
    restart: formatRestart(definition),
    onFailure,
    timeoutMs,
    ...(stop.signal === undefined ? {} : { stopSignal: stop.signal }),
    stopGraceMs: stop.graceMs,
  };
}

function containerDetails(
  container: ContainerSummary | undefined,
): Pick<ServiceDetails, 'containerId' | 'exitCode'> {
  if (container === undefined) return {};
  const { id, pid, status, exitCode } = container;
  return { containerId: id, ...(pid === 0 && status !== 'created' ? { exitCode } : {}) };
}

function waitsForOf(
  definition: ServiceDefinition,
  progress: ServiceProgress | undefined,
  unmet: Unmet | undefined,
): string[] {
  switch (progress?.status.status ?? 'waiting') {
    case 'waiting':
      return unmet === undefined ? [] : namesOfUnmet(unmet);
    case 'starting':
      return [signOf(definition)];
    default:
      return [];
  }
}

function describe(
  definition: ServiceDefinition,
  progress: ServiceProgress | undefined,
  waitsFor: readonly string[],
  container: ContainerSummary | undefined,
): { status: string; detail: string } {
  if (definition.section === 'onshutdown') return { status: 'pending', detail: 'runs at shutdown' };
  const status = progress?.status ?? { status: 'waiting' };
  switch (status.status) {
    case 'failed':
      return { status: 'failed', detail: status.reason };
    case 'stopped':
      return { status: 'stopped', detail: status.reason };
    case 'waiting':
    case 'starting':
      return {
        status: status.status,
        detail: waitsFor.length === 0 ? '' : `waiting for ${waitsFor.join(', ')}`,
      };
    case 'up':
      if (container?.status === 'running') return { status: 'up', detail: '' };
      return container?.status === 'restarting'
        ? { status: 'restarting', detail: `ended with exit code ${container.exitCode}` }
        : {
            status: 'stopped',
            detail: container === undefined ? 'its container is gone' : `exit code ${container.exitCode}`,
          };
    case 'done':
      return { status: 'done', detail: '' };
  }
}

function signOf(definition: ServiceDefinition): string {
  return isOneshot(definition) ? 'its end' : formatReadiness(definition.ready);
}

/** `always, after 0.1 s, then up to 60 s`, with the number of tries where there is one. */
function formatRestart({ restart }: ServiceDefinition): string {
  const { policy, delayMs, maxDelayMs, maxRetries } = restart;
  if (policy === 'no') return 'no';
  const pauses = `after ${delayMs / 1000} s, then up to ${maxDelayMs / 1000} s`;
  return `${policy}, ${pauses}${maxRetries === 0 ? '' : `, given up after ${maxRetries} restarts`}`;
}
