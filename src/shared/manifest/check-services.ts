import { posix } from 'node:path';
import type { ServiceSection } from '../service/definition.ts';
import { type OrderedService, graphFaults } from '../service/graph.ts';
import { orderOf, orderPointer } from '../service/rancher-labels.ts';
import type { Fault } from '../yaml/faults.ts';
import type { Place } from '../yaml/place.ts';
import type { ManifestImage, ManifestService } from './manifest.ts';

/** LinuxKit gives numbers to service names from here on, in the order onboot, onshutdown, services. */
const FIRST_SERVICE_ID = 100;

/**
 * Two services of one name are a fault. Oneshots may repeat a name, as in LinuxKit; on the machine the
 * later ones get a number, because a container's name is unique there.
 */
export function withUniqueNames(
  found: readonly Omit<ManifestService, 'id'>[],
  faults: Fault[],
  warnings: Fault[],
): ManifestService[] {
  const taken = new Map<string, Place>();
  for (const { name, place, section } of found) {
    if (name === 'state' || name === 'config') {
      faults.push({
        message: `a service cannot be called "${name}": that is a condition`,
        place,
        hint: 'choose another name',
      });
    }
    if (section !== 'services') continue;
    const first = taken.get(name);
    if (first) {
      const related = { message: 'first defined here', place: first };
      faults.push({
        message: `a second service is called ${JSON.stringify(name)}`,
        place,
        related,
        hint: 'rename one of the two',
      });
    } else taken.set(name, place);
  }
  const renamed = found.map(service => {
    if (service.section === 'services') return service;
    let name = service.name;
    for (let n = 2; taken.has(name); n++) name = `${service.name}-${n}`;
    taken.set(name, service.place);
    if (name !== service.name) {
      const message = `${service.section} repeats the name ${JSON.stringify(service.name)}: on the machine it is ${JSON.stringify(name)}`;
      warnings.push({ message, place: service.place, hint: 'give it a name of its own' });
    }
    return { ...service, name };
  });
  const rank: Readonly<Record<ServiceSection, number>> = { onboot: 0, onshutdown: 1, services: 2 };
  const byId = [...renamed].sort((a, b) => rank[a.section] - rank[b.section]);
  return renamed.map(service => ({ ...service, id: FIRST_SERVICE_ID + byId.indexOf(service) }));
}

/** Finds cycles, and names in `after`, `before` and `pod` that there are not. */
export function checkOrder(services: readonly ManifestService[], faults: Fault[]): void {
  const byName = new Map(services.map(service => [service.name, service]));
  const nodes: OrderedService[] = services.map(({ name, section, config }) => ({
    name,
    section,
    ...orderOf(config),
    ...(config.pod === undefined ? {} : { pod: config.pod }),
  }));
  for (const fault of graphFaults(nodes)) {
    // Of two services of one name, which is a fault of its own, the one that has written this.
    const writes = ({ name, config }: ManifestService) => {
      if (name !== fault.service) return false;
      return fault.key === 'pod'
        ? config.pod === fault.target
        : orderOf(config)[fault.key].includes(fault.target);
    };
    const service = services.find(writes) ?? byName.get(fault.service);
    const pointer = service ? orderPointer(service.config, fault.key, fault.target) : '';
    const place = pointer === '' ? service?.place : service?.placeOf(pointer);
    faults.push({ message: fault.message, hint: fault.hint, ...(place ? { place } : {}) });
  }
}

/** Two different things must not have one name in the image store. */
export function checkImageNames(images: readonly ManifestImage[], faults: Fault[]): void {
  const origins = new Map<string, { origin: string; place: Place }>();
  for (const { text, source, place } of images) {
    if (!('path' in source)) continue;
    const origin = `${source.kind}:${posix.join(posix.dirname(place.file), source.path)}`;
    const first = origins.get(source.name);
    if (first && first.origin !== origin) {
      faults.push({
        message: `${JSON.stringify(text)} and another image would both be called ${JSON.stringify(source.name)}`,
        place,
        related: { message: 'the other image', place: first.place },
        hint: 'rename one of the two folders or files',
      });
    }
    origins.set(source.name, first ?? { origin, place });
  }
}
