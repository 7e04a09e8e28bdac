import type { Digest } from '../../../shared/digest.ts';
import { messageOf } from '../../../shared/errors.ts';
import type { EngineContext } from '../context.ts';

/** Whether a container has this image, or something is being made of it or with it. */
export function isImageUsed(context: EngineContext, id: Digest): boolean {
  return context.images.isHeld(id) || context.table.all().some(record => record.imageId === id);
}

/** Keeps an image whole until the answer is disposed of, though somebody removes it by force meanwhile. */
export function holdImage(context: EngineContext, id: Digest): AsyncDisposable {
  const hold = context.images.hold(id);
  return {
    async [Symbol.asyncDispose]() {
      hold[Symbol.dispose]();
      await sweepForgotten(context);
    },
  };
}

/** Removes images that were removed while they were used, and are not any more. A fault is logged. */
export async function sweepForgotten(context: EngineContext): Promise<void> {
  const isUnused = (id: Digest): boolean => !isImageUsed(context, id);
  for (const store of context.images.stores) {
    for (const id of [...store.forgotten].filter(isUnused)) {
      try {
        await store.removeForgotten(id, () => !isUnused(id));
      } catch (error) {
        context.log.warning('an image that nobody uses any more could not be removed', {
          image: id,
          reason: messageOf(error),
        });
      }
    }
  }
}
