import type { EngineContext } from '../context.ts';
import { conflict } from '../docker-errors.ts';
import type { ImageBackend } from '../http/image-handlers.ts';
import { pruneImages } from '../images/prune.ts';
import { removeImage } from '../images/remove.ts';
import { tagImage } from '../images/tag.ts';
import { imageHistory, inspectImage } from './image-inspect.ts';
import { imageFilter, listImages, oneSwitch } from './image-list.ts';

/** Images in Docker's words. */
export function imageBackend(context: EngineContext): ImageBackend {
  let isPruning = false;
  return {
    list: query => Promise.resolve(listImages(context, query)),
    inspect: (nameOrId, version) => inspectImage(context, nameOrId, version),
    history: nameOrId => imageHistory(context, nameOrId),
    tag: (nameOrId, repository, tag) => tagImage(context, nameOrId, repository, tag),
    remove: (nameOrId, { force, noPrune }) => removeImage(context, nameOrId, { force, keepParents: noPrune }),
    async prune(filters) {
      if (isPruning) throw conflict('a prune operation is already running');
      const danglingOnly = oneSwitch(filters, 'dangling') ?? true;
      const rest = new Map([...filters].filter(([key]) => key !== 'dangling'));
      const matches = imageFilter(context, rest);
      isPruning = true;
      try {
        return await pruneImages(context, { danglingOnly, matches });
      } finally {
        isPruning = false;
      }
    },
  };
}
