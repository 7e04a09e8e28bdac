import { ToolError } from '../../../shared/errors.ts';
import { type ImageReference, familiarName } from '../../../shared/oci/reference.ts';
import { showRepository } from './image-names.ts';

/**
 * Runs the first request of a pull; what a registry refuses is said in Docker's sentences, since clients match
 * them.
 */
export async function inPullWords<T>(reference: ImageReference, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const name = familiarName(reference);
    if (!(error instanceof ToolError)) throw error;
    const refuse = (message: string): ToolError =>
      new ToolError(message, { code: error.code, kind: 'not-found', cause: error });
    if (error.code === 'OCI_NOT_FOUND') {
      throw refuse(`manifest for ${name} not found: manifest unknown: manifest unknown`);
    }
    if (error.code === 'OCI_UNAUTHORIZED') {
      throw refuse(
        `pull access denied for ${showRepository(name)}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
      );
    }
    throw error;
  }
}

/** The same for a push. */
export async function inPushWords<T>(reference: ImageReference, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof ToolError) || error.code !== 'OCI_UNAUTHORIZED') throw error;
    throw new ToolError('denied: requested access to the resource is denied', {
      code: error.code,
      kind: error.kind,
      cause: new Error(`pushing ${familiarName(reference)}`, { cause: error }),
    });
  }
}
