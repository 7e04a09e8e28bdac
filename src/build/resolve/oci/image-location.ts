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

/** Under which names an image is stored on the machine; only a registry's has digests to pull it by. */
export function imageNames(
  location: ImageLocation,
  locked: LockedImage,
): { readonly names: readonly string[]; readonly repoDigests: readonly string[] } {
  const { name } = location;
  if (location.kind !== 'registry') return { names: [name], repoDigests: [] };
  const repository = repositoryName(parseReference(location.reference));
  return { names: [name], repoDigests: [`${repository}@${locked.manifest.digest}`] };
}
