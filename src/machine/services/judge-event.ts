import { type ServiceDefinition, isOneshot } from '../../shared/service/definition.ts';
import type { EngineEvent } from '../engine-client/engine-client.ts';
import { type Outcome, isAlive, outcomeOfEnd } from './attempt.ts';
import { STEADY_MS } from './readiness.ts';
import type { ServiceStatus } from './status.ts';

/** What something that happened to a service's container means for the service. */
export type Verdict =
  | { readonly kind: 'nothing' }
  /** It has ended for good. */
  | { readonly kind: 'ended'; readonly outcome: Outcome }
  /** It was taken to be up, and one of its lives was shorter than STEADY_MS; the engine starts it again. */
  | { readonly kind: 'unsteady' }
  /** A person stopped it through the engine. */
  | { readonly kind: 'stopped' }
  /** A person started it through the engine: look after it again. */
  | { readonly kind: 'started' };

/** Whether the service is being brought up: its container is not started yet, or its readiness is waited for. */
export type Effort = 'none' | 'starting' | 'waiting';

const NOTHING: Verdict = { kind: 'nothing' };

/**
 * Judges an event of the engine. Ends that a restart follows mean nothing: that is the engine's part. The end of a
 * oneshot means nothing either while it is brought up, which waits for it.
 */
export function judgeEvent(
  event: Pick<EngineEvent, 'action' | 'container' | 'attributes'>,
  definition: Pick<ServiceDefinition, 'section' | 'ready' | 'restart'>,
  status: ServiceStatus['status'],
  effort: Effort,
): Verdict {
  const { container } = event;
  // What is heard now is of the life before.
  if (effort === 'starting') return NOTHING;
  const isTried = effort === 'waiting';
  const isSettled = status === 'failed' || status === 'done' || status === 'stopped';
  switch (event.action) {
    case 'gave-up':
      if (isOneshot(definition) && isTried) return NOTHING;
      return {
        kind: 'ended',
        outcome: {
          kind: 'failed',
          reason: container.error ?? `ended too often, the last time with exit code ${container.exitCode}`,
        },
      };
    case 'stop':
    case 'die':
      if (isTried && isOneshot(definition)) return NOTHING;
      if (container.status === 'restarting' && status === 'up') return judgeRestart(event, definition);
      if (container.status !== 'exited') return NOTHING;
      if (container.stopRequested) return status === 'stopped' ? NOTHING : { kind: 'stopped' };
      return judgeEnd(container, definition);
    case 'start':
      return !isTried && isSettled && isAlive(container) ? { kind: 'started' } : NOTHING;
    default:
      return NOTHING;
  }
}

/** Any life counts, not only the first: its end may have come before the service was taken to be up. */
function judgeRestart(
  { attributes }: Pick<EngineEvent, 'attributes'>,
  definition: Pick<ServiceDefinition, 'ready'>,
): Verdict {
  if (definition.ready !== undefined) return NOTHING;
  // Docker's attribute, in whole seconds; unlike two times of the clock it is right when that is set in between.
  const ranMs = Number(attributes?.execDuration) * 1000;
  return ranMs < STEADY_MS ? { kind: 'unsteady' } : NOTHING;
}

function judgeEnd(
  container: EngineEvent['container'],
  definition: Pick<ServiceDefinition, 'restart'>,
): Verdict {
  const { policy } = definition.restart;
  // Otherwise a restart, or `gave-up`, follows.
  const isForGood = policy === 'no' || (policy === 'on-failure' && container.exitCode === 0);
  return isForGood ? { kind: 'ended', outcome: outcomeOfEnd(definition, container) } : NOTHING;
}
