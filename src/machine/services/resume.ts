import type { ServiceDefinition } from '../../shared/service/definition.ts';
import type { ContainerSummary } from '../engine-client/engine-client.ts';
import { type Outcome, hasEnded, isAlive, outcomeOfEnd } from './attempt.ts';
import { type ServiceProgress, type ServiceStatus, isFailedTry } from './status.ts';

/** What is to be done about a service that an earlier life of system-docker left. */
export type Finding =
  | { readonly kind: 'as-known' }
  /** It was late, and is still waited for. */
  | { readonly kind: 'still-wanted' }
  /** It ended while nobody looked. */
  | { readonly kind: 'ended'; readonly outcome: Outcome }
  /** A stop was cut off. */
  | { readonly kind: 'stop' };

/** Where a service begins, given what an earlier life journalled; without a word of it at the start. */
export function resumeProgress(
  definition: Pick<ServiceDefinition, 'onFailure'>,
  saved: ServiceProgress | undefined,
): ServiceProgress {
  if (saved === undefined) return { status: { status: 'waiting' } };
  // Begun again; that finds the container running and goes on from there.
  if (saved.status.status === 'starting') return { ...saved, status: { status: 'waiting' } };
  if (definition.onFailure === 'retry' && isFailedTry(saved.status)) {
    return { ...saved, status: { status: 'waiting' }, renewal: 'recreate' };
  }
  return saved;
}

/** Compares what was journalled of a settled service with its container. */
export function planResume(
  definition: Pick<ServiceDefinition, 'section' | 'ready' | 'restart'>,
  status: ServiceStatus,
  container: ContainerSummary | undefined,
): Finding {
  if (container === undefined) return { kind: 'as-known' };
  switch (status.status) {
    case 'failed':
      return isFailedTry(status) && isAlive(container) ? { kind: 'still-wanted' } : { kind: 'as-known' };
    case 'up':
      return hasEnded(container) && !container.stopRequested
        ? { kind: 'ended', outcome: outcomeOfEnd(definition, container) }
        : { kind: 'as-known' };
    case 'stopped':
      return isAlive(container) ? { kind: 'stop' } : { kind: 'as-known' };
    case 'waiting':
    case 'starting':
    case 'done':
      return { kind: 'as-known' };
  }
}
