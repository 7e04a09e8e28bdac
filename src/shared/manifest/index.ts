/** The manifest model: what the build reads. */
export { type ImageSource, BUILTIN_IMAGES, nearBuiltin, parseImageSource } from './image-source.ts';
export {
  type FileSpec,
  type Manifest,
  type ManifestImage,
  type ManifestService,
  type Platform,
  type RawManifest,
  type ServiceConfig,
  PLATFORMS,
  kernelCommandLine,
  kernelPackage,
  manifestDigest,
  manifestImages,
} from './manifest.ts';
export {
  type ManifestSurvey,
  type ManifestText,
  type ParseManifestOptions,
  parseManifest,
  surveyManifest,
} from './parse-manifest.ts';
export {
  type Recipe,
  type RecipeGroup,
  type RecipeUser,
  parseRecipe,
  parseServiceLabel,
} from './parse-recipe.ts';
