import type { ImageSource } from '../../../shared/oci/image-source.ts';
import { openDockerArchive } from '../../../shared/oci/docker-archive.ts';
import { openLayoutFolder } from '../../../shared/oci/layout.ts';
import { parseReference, repositoryName } from '../../../shared/oci/reference.ts';
import { openRegistryImage } from '../../../shared/oci/registry-image.ts';
import type { Registry } from '../../../shared/oci/registry.ts';
import type { LockedImage } from '../../lock/lock.ts';

/** Where the manifest says that an image comes from; its `ImageSource`, with paths of the build host. */
export type ImageLocation =
  | { readonly kind: 'registry'; readonly reference: string; readonly name: string }
  | {
      readonly kind: 'oci-layout' | 'docker-archive';
      readonly path: string;
      /** Which image, where there are several. */
      readonly tag?: string;
      /** In the image store. */
      readonly name: string;
    };

/** Opens an image where it is; `spelling` names it in errors. Throws what the three openers throw. */
export async function openImage(
  location: ImageLocation,
  spelling: string,
  registry: Registry,
): Promise<ImageSource> {
  switch (location.kind) {
    case 'registry':
      return openRegistryImage(registry, parseReference(location.reference));
    case 'oci-layout':
      return openLayoutFolder(location.path, location.tag, `image ${spelling}`);
    case 'docker-archive':
      return openDockerArchive(location.path, location.tag, `image ${spelling}`);
  }
}

/**
 * Under which names an image is stored on the machine. Only a registry's has digests to pull it by, and one
 * that the manifest names by its digest has no tag, as with Docker: the tag may be another image by now.
 */
export function imageNames(
  location: ImageLocation,
  locked: LockedImage,
): { readonly names: readonly string[]; readonly repoDigests: readonly string[] } {
  const { name } = location;
  if (location.kind !== 'registry') return { names: [name], repoDigests: [] };
  const reference = parseReference(location.reference);
  const digests = [reference.digest, locked.manifest.digest].filter(digest => digest !== undefined);
  return {
    names: reference.digest === undefined ? [name] : [],
    repoDigests: [...new Set(digests)].map(digest => `${repositoryName(reference)}@${digest}`),
  };
}
