import { ToolError, messageOf } from '../../shared/errors.ts';
import { type ServiceDefinition, isOneshot } from '../../shared/service/definition.ts';
import type { ContainerSummary, EngineClient } from '../engine-client/engine-client.ts';
import { definitionToRequest } from './definition-to-request.ts';
import { type ReadinessHost, formatReadiness, waitUntilReady, waitUntilSteady } from './readiness.ts';
import type { Renewal } from './status.ts';

/** What came of a try to bring a service up. */
export type Outcome =
  | { readonly kind: 'up' }
  | { readonly kind: 'done' }
  /** Its container was made, and waits for a person. */
  | { readonly kind: 'created' }
  | { readonly kind: 'failed'; readonly reason: string };

/** One try to bring a service up, while it is under way. */
export interface Attempt {
  readonly engine: EngineClient;
  readonly host: ReadinessHost;
  readonly definition: ServiceDefinition;
  readonly renewal?: Renewal;
  /** Known once the container is there. */
  containerId?: string;
  /** How its process ended last, if the engine started it again since or will; and how often that was. */
  lastEnd?: { readonly exitCode: number; readonly count: number };
  /** Aborted with an Outcome when the container has ended for good. */
  readonly ended: AbortController;
  /** Aborted when the try is no longer wanted; the container is left as it is. */
  readonly signal: AbortSignal;
  /** The container runs: what was to be renewed is. */
  readonly onStarted: () => void;
  /** It is not up in time, and still waited for: a slow service is better late than given up. */
  readonly onLate: (reason: string) => void;
}

/**
 * Makes or finds the container of a service, starts it unless it has run in this boot, and waits until it is up or, if
 * it is a oneshot, has exited. Rejects only when the try is aborted.
 */
export async function bringUp(attempt: Attempt): Promise<Outcome> {
  try {
    return (await ensureStarted(attempt)) ?? (await awaitUp(attempt));
  } catch (error) {
    attempt.signal.throwIfAborted();
    if (attempt.ended.signal.aborted) return attempt.ended.signal.reason as Outcome;
    return { kind: 'failed', reason: messageOf(error) };
  }
}

/** What a container that has ended for good means for its service. */
export function outcomeOfEnd(
  definition: Pick<ServiceDefinition, 'restart'>,
  container: Pick<ContainerSummary, 'exitCode' | 'error'>,
): Outcome {
  if (container.exitCode === 0 && definition.restart.policy !== 'always') return { kind: 'done' };
  return { kind: 'failed', reason: container.error ?? `exit code ${container.exitCode}` };
}

/** True when nothing will come of a container by itself any more. */
export function hasEnded({ status }: Pick<ContainerSummary, 'status'>): boolean {
  return status === 'exited' || status === 'dead';
}

export function isAlive({ status }: Pick<ContainerSummary, 'status'>): boolean {
  return status === 'running' || status === 'paused' || status === 'restarting';
}

/** Removes a container, running or not; no error when there is none. */
export async function removeIfThere(engine: EngineClient, name: string): Promise<void> {
  await unlessMissing(engine.remove(name, { force: true }));
}

/** Stops a container; no error when there is none. */
export async function stopIfThere(engine: EngineClient, name: string, graceMs: number): Promise<void> {
  await unlessMissing(engine.stop(name, graceMs));
}

async function unlessMissing(operation: Promise<void>): Promise<void> {
  try {
    await operation;
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'not-found')) throw error;
  }
}

/** Answers an outcome when there is nothing to wait for. */
async function ensureStarted(attempt: Attempt): Promise<Outcome | undefined> {
  const { engine, host, definition, renewal } = attempt;
  const { name } = definition;
  let existing = (await engine.list()).find(container => container.name === name);
  if (existing !== undefined && renewal === 'recreate' && hasEnded(existing)) {
    await removeIfThere(engine, name);
    existing = undefined;
  }
  if (existing !== undefined && renewal === 'restart' && isAlive(existing)) {
    await engine.stop(name, definition.stop.graceMs);
    existing = await engine.inspect(name);
  }
  // Anything but `created` has run in this boot: an earlier life of system-docker started it.
  const mustStart =
    existing === undefined ||
    existing.status === 'created' ||
    (hasEnded(existing) && (renewal === 'start' || renewal === 'restart'));
  if (definition.ready?.kind === 'notify') await host.listen(name, mustStart);
  attempt.signal.throwIfAborted();
  attempt.containerId = existing?.id ?? (await engine.create(name, definitionToRequest(definition)));
  if (mustStart) {
    if (!definition.autostart && renewal === undefined) return { kind: 'created' };
    await engine.start(name);
  } else if (existing !== undefined && hasEnded(existing) && !isOneshot(definition)) {
    // No event will come of it any more.
    return outcomeOfEnd(definition, existing);
  }
  attempt.onStarted();
  if (existing?.status === 'restarting') {
    attempt.lastEnd = { exitCode: existing.exitCode, count: existing.restartCount + 1 };
  }
  // One that is on another of its lives has to show first that it stays up this time.
  const isFirstLife =
    existing === undefined || mustStart || (existing.status === 'running' && existing.restartCount === 0);
  const isUp = !isOneshot(definition) && definition.ready === undefined && isFirstLife;
  return isUp ? { kind: 'up' } : undefined;
}

async function awaitUp(attempt: Attempt): Promise<Outcome> {
  const { definition, signal, ended } = attempt;
  const { timeoutMs, onFailure } = definition;
  const overdue = new AbortController();
  const timer = setTimeout(() => {
    const reason = formatOverdue(attempt);
    if (onFailure === 'retry') overdue.abort({ kind: 'failed', reason } satisfies Outcome);
    else attempt.onLate(reason);
  }, timeoutMs);
  try {
    return await awaitSign(attempt, AbortSignal.any([signal, ended.signal, overdue.signal]));
  } catch (error) {
    if (!signal.aborted && !ended.signal.aborted && overdue.signal.aborted) {
      return overdue.signal.reason as Outcome;
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for the sign that it has got there: its exit code, its readiness, or that it stays up. */
async function awaitSign(attempt: Attempt, signal: AbortSignal): Promise<Outcome> {
  const { engine, host, definition } = attempt;
  const { ready } = definition;
  if (!isOneshot(definition)) {
    if (ready === undefined || ready.kind === 'exit') await waitUntilSteady(engine, definition.name, signal);
    else await waitUntilReady(engine, host, definition, ready, signal);
    return { kind: 'up' };
  }
  const code = await engine.wait(definition.name, signal);
  return code === 0 ? { kind: 'done' } : { kind: 'failed', reason: `exit code ${code}` };
}

function formatOverdue({ definition, lastEnd }: Attempt): string {
  const seconds = definition.timeoutMs / 1000;
  if (isOneshot(definition)) return `did not end within ${seconds} s`;
  const reason = `not ready within ${seconds} s (waiting for ${formatReadiness(definition.ready)})`;
  if (lastEnd === undefined) return reason;
  const often = lastEnd.count === 1 ? 'it ended' : `it ended ${lastEnd.count} times, the last time`;
  return `${reason}: ${often} with exit code ${lastEnd.exitCode}, see "system-docker logs ${definition.name}"`;
}
