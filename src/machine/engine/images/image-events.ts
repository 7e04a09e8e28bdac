import type { EngineContext } from '../context.ts';

/** What happens to images, in Docker's words. */
export type ImageAction = 'pull' | 'push' | 'tag' | 'untag' | 'delete' | 'load' | 'save' | 'import' | 'prune';

/**
 * Tells subscribers what happened to an image.
 * @param id the id, or of a pull and push the name
 * @param attributes as Docker names them; the image's labels are added where it is still there
 */
export function publishImageEvent(
  context: EngineContext,
  action: ImageAction,
  id: string,
  attributes: Readonly<Record<string, string>>,
): void {
  const labels = context.images.byId(id)?.run.Labels ?? {};
  context.history.publish({
    type: 'image',
    action,
    id,
    attributes: { ...labels, ...attributes },
    timeMs: context.clock(),
  });
}
