import { setTimeout as sleep } from 'node:timers/promises';
import { type ServiceDefinition, isOneshot } from '../../shared/service/definition.ts';
import type { ServiceBook } from './service-book.ts';

/** A program that can't run at all ends sooner; the boot is not held up for longer by one that can. */
const MOMENT_MS = 250;

/**
 * Resolves once everything is settled and the services that count as up because their process runs have run for a
 * moment: what can't run at all has ended by then, and is waited for again. Rejects with the signal's reason.
 */
export async function untilSteady(
  definitions: readonly Pick<ServiceDefinition, 'name' | 'section' | 'ready'>[],
  book: Pick<ServiceBook, 'ageOf'>,
  settled: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const plain = definitions.filter(service => !isOneshot(service) && service.ready === undefined);
  for (;;) {
    await settled();
    const ages = plain.map(({ name }) => book.ageOf(name)).filter(age => age !== undefined);
    const restMs = MOMENT_MS - Math.min(MOMENT_MS, ...ages);
    if (restMs === 0) return;
    await sleep(restMs, undefined, { signal });
  }
}
