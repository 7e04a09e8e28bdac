import { messageOf } from '../../../shared/errors.ts';
import type { EngineContext } from '../context.ts';
import type { Image } from '../images/image-catalog.ts';
import type { ContainerMount } from '../store/container-record.ts';
import { createVolume } from './create.ts';
import { releaseVolume, settleVolume } from './mount.ts';
import type { WantedMount } from './plan.ts';
import { populateVolume } from './populate.ts';
import { removePending } from './remove.ts';

/** Volumes of a container that is being made. */
export interface MadeVolumes {
  readonly mounts: readonly ContainerMount[];
  /** The container is recorded: its volumes are as any other. */
  settle(): Promise<void>;
  /** The container could not be made: takes away what was made for it. */
  undo(): Promise<void>;
}

/**
 * Makes the volumes that a container wants and that are not there, and puts into empty ones what the image has at
 * their destination. Until `settle` or `undo` none of them
 * can be removed. Throws as createVolume does, after taking away what was made.
 */
export async function makeVolumes(
  context: EngineContext,
  image: Image,
  wanted: readonly WantedMount[],
  scope: 'boot' | 'state',
): Promise<MadeVolumes> {
  const held: string[] = [];
  /** Made for this container, or for another one that is not recorded yet either. */
  const pending: string[] = [];
  const letGo = async (): Promise<void> => {
    const names = held.splice(0);
    for (const name of names) context.volumes.release(name);
    for (const name of names) {
      await releaseVolume(context, name).catch((error: unknown) => {
        context.log.warning('a volume could not be unmounted', { volume: name, reason: messageOf(error) });
      });
    }
  };
  const undo = async (): Promise<void> => {
    await letGo();
    for (const name of pending.splice(0)) {
      try {
        await removePending(context, name);
      } catch (error) {
        // Pending ones are taken away at the next start.
        context.log.warning('a volume could not be taken away again', {
          volume: name,
          reason: messageOf(error),
        });
      }
    }
  };
  try {
    const mounts: ContainerMount[] = [];
    for (const mount of wanted) {
      if (mount.kind === 'bind') {
        mounts.push(mount);
        continue;
      }
      const { volume } = await createVolume(context, {
        ...mount,
        // What nobody can name again lasts as long as its container.
        scope: mount.name === '' ? scope : 'state',
        pending: true,
      });
      const { name } = volume.record;
      held.push(name);
      if (volume.record.pending) pending.push(name);
      if (mount.copy && mount.subpath === undefined)
        await populateVolume(context, name, image, mount.destination);
      const { kind, destination, readOnly, mode, subpath } = mount;
      mounts.push({ kind, name, destination, readOnly, mode, ...(subpath === undefined ? {} : { subpath }) });
    }
    return {
      mounts,
      undo,
      async settle() {
        try {
          for (const name of pending) await settleVolume(context, name);
        } catch (error) {
          // The container is there all the same, and keeps them; its start tries again.
          context.log.warning('volumes could not be settled', { reason: messageOf(error) });
        }
        await letGo();
      },
    };
  } catch (error) {
    await undo();
    throw error;
  }
}
