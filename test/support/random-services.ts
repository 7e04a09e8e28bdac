import type { PlannedService } from '../../src/machine/services/plan.ts';

/** Park and Miller's generator: the same numbers, from 0 to 1, in each run. Small seeds would begin with small ones. */
export function randomNumbers(seed: number): () => number {
  let value = (seed * 69_621 * 1009) % 2_147_483_647;
  return () => (value = (value * 48_271) % 2_147_483_647) / 2_147_483_647;
}

export interface RandomGraph {
  /** Every link leads to an earlier service of the list, so that there is no cycle. */
  readonly isAcyclic: boolean;
  /** Conditions that services wait for. */
  readonly conditions?: readonly string[];
}

/** Up to twenty services with random order, pods and conditions. */
export function randomServices(
  random: () => number,
  { isAcyclic, conditions = [] }: RandomGraph,
): PlannedService[] {
  const count = 1 + Math.floor(random() * 20);
  const names = Array.from({ length: count }, (_, index) => `s${index}`);
  const onboots = Math.floor(random() * (count / 3));
  const services: PlannedService[] = [];
  for (const [index, name] of names.entries()) {
    const pick = (from: readonly string[], share = 0.2) => from.filter(() => random() < share);
    const section = index < onboots ? 'onboot' : 'services';
    const earlier = isAcyclic ? names.slice(0, index) : names.filter(other => other !== name);
    // Within a section both ways are the build's to judge; across, only services wait for onboot.
    const own = earlier.filter(other => section === 'services' || names.indexOf(other) < onboots);
    const later = isAcyclic ? names.slice(index + 1) : earlier;
    const owners = services.filter(other => other.section === 'services' && other.pod === undefined);
    const owner = owners[Math.floor(random() * owners.length)];
    services.push({
      name,
      section,
      after: [...pick(own, isAcyclic ? 0.2 : 0.06), ...pick(conditions, 0.15)],
      before: pick(
        later.filter(other => names.indexOf(other) >= onboots === (section === 'services')),
        isAcyclic ? 0.1 : 0.04,
      ),
      ...(section === 'services' && owner !== undefined && random() < 0.15 ? { pod: owner.name } : {}),
    });
  }
  return services;
}
