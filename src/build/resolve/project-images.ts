import { ToolError } from '../../shared/errors.ts';
import { type ManifestImage, nearBuiltin } from '../../shared/manifest/index.ts';
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
    resolveImage: async (image, arch) => {
      try {
        return await resolveImage(imageLocation(project, image), image.text, arch, options);
      } catch (error) {
        throw withNearBuiltin(error, image);
      }
    },
    identifyImage: (image, arch) => identifyImage(imageLocation(project, image), image.text, arch, options),
  };
}

/** A registry that has no such image, or cannot be asked, may be a misspelt built-in image's. */
function withNearBuiltin(error: unknown, { source, text }: ManifestImage): unknown {
  const near = source.kind === 'registry' ? nearBuiltin(text) : undefined;
  if (near === undefined || !(error instanceof ToolError)) return error;
  const { code, kind, cause } = error;
  return new ToolError(error.message, {
    code,
    kind,
    cause,
    hint: `did you mean "${near}", which is built in?`,
  });
}
