import { imageLocation } from '../collect-images.ts';
import type { Project } from '../project.ts';
import { type ResolveImageOptions, identifyImage, resolveImage } from './oci/resolve-image.ts';
import type { ResolveOptions } from './resolve-project.ts';

/** Pins and identifies the images of a project, each for the architecture that is asked for. */
export function projectImages(
  project: Project,
  options: ResolveImageOptions,
): Pick<ResolveOptions, 'resolveImage' | 'identifyImage'> {
  return {
    resolveImage: (image, arch) => resolveImage(imageLocation(project, image), image.text, arch, options),
    identifyImage: (image, arch) => identifyImage(imageLocation(project, image), image.text, arch, options),
  };
}
