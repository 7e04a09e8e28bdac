import { messageOf } from '../../shared/errors.ts';
import type { ServiceDefinition } from '../../shared/service/definition.ts';
import type { ContainerSummary, EngineClient } from '../engine-client/engine-client.ts';
import type { Log } from '../log.ts';
import { isAlive, removeIfThere } from './attempt.ts';
import { SERVICE_LABEL, definitionToRequest } from './definition-to-request.ts';
import { planStop } from './plan.ts';

export interface StopOptions {
  readonly engine: EngineClient;
  readonly definitions: readonly ServiceDefinition[];
  readonly log: Log;
  /** When it is aborted, containers that still run are left to the caller, who has stronger means. */
  readonly stopDeadline: AbortSignal;
  /** When it is aborted, so is `onshutdown`. */
  readonly deadline: AbortSignal;
  /** Called after each stop with how long it took. */
  readonly onStop: (name: string, durationMs: number) => void;
}

/**
 * Stops every running container: those that are no services first, all at once; then the services in the reverse
 * order of their start, in parallel where that allows, each within its own grace; then runs `onshutdown` in order,
 * also when a service did not stop. Never throws: a container that can't be stopped must not keep the others from it.
 */
export async function stopServices(options: StopOptions): Promise<void> {
  const { definitions, deadline, stopDeadline, engine } = options;
  const names = new Set(definitions.map(definition => definition.name));
  const isService = (container: ContainerSummary): boolean =>
    container.labels[SERVICE_LABEL] !== undefined && names.has(container.name);
  const containers = (await engine.list()).filter(isAlive);
  const others = containers.filter(container => !isService(container));
  await Promise.all(others.map(container => stopOne(options, container.name)));

  const running = new Set(containers.filter(isService).map(container => container.name));
  const underWay = new Map<string, Promise<void>>();
  while (running.size > 0 && !stopDeadline.aborted) {
    for (const name of planStop(definitions, running)) {
      if (underWay.has(name)) continue;
      const task = stopOne(options, name).then(() => {
        running.delete(name);
        underWay.delete(name);
      });
      underWay.set(name, task);
    }
    await Promise.race(underWay.values());
  }
  for (const definition of definitions) {
    if (definition.section === 'onshutdown' && !deadline.aborted) await runOne(options, definition);
  }
}

async function stopOne(options: StopOptions, name: string): Promise<void> {
  const { engine, stopDeadline, log } = options;
  const begun = performance.now();
  const graceMs = options.definitions.find(definition => definition.name === name)?.stop.graceMs;
  try {
    await unlessAborted(engine.stop(name, graceMs), stopDeadline);
    options.onStop(name, performance.now() - begun);
  } catch (error) {
    log.warning(`stopping ${name}: ${messageOf(error)}`);
  }
}

async function runOne(options: StopOptions, definition: ServiceDefinition): Promise<void> {
  const { engine, deadline, log } = options;
  const { name, timeoutMs } = definition;
  const limit = AbortSignal.any([deadline, AbortSignal.timeout(timeoutMs)]);
  try {
    await removeIfThere(engine, name);
    await engine.create(name, definitionToRequest(definition));
    await engine.start(name);
    const code = await engine.wait(name, limit);
    if (code !== 0) log.warning(`onshutdown ${name}: exit code ${code}`);
  } catch (error) {
    log.warning(`onshutdown ${name}: ${limit.aborted ? 'it takes too long' : messageOf(error)}`);
    // The next one expects it to be over.
    if (limit.aborted) await engine.kill(name, 'SIGKILL').catch(() => undefined);
  }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const stop = Promise.withResolvers<never>();
  const onAbort = (): void => stop.reject(new Error('the time for an orderly stop is over'));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, stop.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
