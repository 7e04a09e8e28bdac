import type { EngineContext } from '../context.ts';
import { type ContainerRecord, isLive } from '../store/container-record.ts';

/** The key under which changes of a volume stand in the queue. */
export function volumeKey(name: string): string {
  return `volume:${name}`;
}

/** Names of a container's volumes. */
export function volumesOf(record: ContainerRecord): string[] {
  return (record.mounts ?? []).flatMap(mount => (mount.kind === 'volume' ? [mount.name] : []));
}

/** Ids of the containers that have this volume, running or not. */
export function usersOf(context: EngineContext, name: string): string[] {
  return context.table
    .all()
    .filter(record => volumesOf(record).includes(name))
    .map(({ id }) => id);
}

/** Whether a container is there, or being made, that has this volume. */
export function isInUse(context: EngineContext, name: string): boolean {
  return context.volumes.isHeld(name) || usersOf(context, name).length > 0;
}

/** Whether a running or starting container has this volume. @param except id of one that does not count */
export function isInLiveUse(context: EngineContext, name: string, except?: string): boolean {
  return context.table
    .all()
    .some(
      record =>
        record.id !== except && (record.starting || isLive(record.state)) && volumesOf(record).includes(name),
    );
}
