import type { EngineContext } from '../context.ts';
import type { Image } from './image.ts';
import { isImageUsed } from './forgotten.ts';
import { publishImageEvent } from './image-events.ts';
import { Removal, type RemovalItem } from './remove.ts';

export interface PruneOptions {
  /** Only images without a name; otherwise all that no container uses. */
  readonly danglingOnly: boolean;
  /** What else an image has to be. */
  readonly matches: (image: Image) => boolean;
}

export interface PruneResult {
  readonly items: readonly RemovalItem[];
  readonly freedBytes: number;
}

/** Removes every image that no container uses; those of the machine's own image stay. Throws I/O errors. */
export async function pruneImages(context: EngineContext, options: PruneOptions): Promise<PruneResult> {
  return context.queue.run('images', async () => {
    const items: RemovalItem[] = [];
    let freedBytes = 0;
    // An image that others were made from can be removed once they are gone.
    for (let before = -1; before < items.length;) {
      before = items.length;
      for (const { id } of context.images.all()) {
        // One before may have taken it along.
        const image = context.images.all().find(image => image.id === id);
        if (image === undefined || image.isReadOnly || isImageUsed(context, id)) continue;
        if (options.danglingOnly && image.names.length > 0) continue;
        if (context.images.all().some(other => other.parent === id)) continue;
        if (!options.matches(image)) continue;
        const removal = new Removal(context, { force: true, keepParents: false });
        await removal.run(id);
        items.push(...removal.items);
        freedBytes += removal.freedBytes;
      }
    }
    publishImageEvent(context, 'prune', '', { reclaimed: String(freedBytes) });
    return { items, freedBytes };
  });
}
