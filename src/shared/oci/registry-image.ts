import { checkDocument, type ImageSource } from './image-source.ts';
import { type ImageReference, formatReference } from './reference.ts';
import type { Registry } from './registry.ts';

/** The image that a reference means in its registry. */
export function openRegistryImage(registry: Registry, reference: ImageReference): ImageSource {
  const name = formatReference(reference);
  return {
    name,
    async root(signal) {
      return { kind: 'document', document: await registry.fetchManifest(reference, { signal }) };
    },
    async readManifest(descriptor, signal) {
      const { bytes } = await registry.fetchManifest(reference, { digest: descriptor.digest, signal });
      return checkDocument(bytes, descriptor, `resolving image ${name}: ${descriptor.digest}`);
    },
    streamBlob: (descriptor, signal) => registry.fetchBlob(reference, descriptor, { signal }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
