import type { Arch } from '../shared/arch.ts';
import { type ManifestImage, manifestImages } from '../shared/manifest/index.ts';
import { type ImageInput, imageFromTree } from './assemble/image-store.ts';
import type { AssembledPackage } from './assemble/inputs.ts';
import { mergeLayers } from './assemble/merge-layers.ts';
import { assembleSystemImage } from './assemble/system-image.ts';
import type { LockedInputs } from './locked-inputs.ts';
import { type Project, imagePath } from './project.ts';
import { type ImageLocation, imageNames } from './resolve/oci/image-location.ts';
import type { Tree } from './tree/tree.ts';

/** An image of the machine's image store, and what is known of it. */
export interface CollectedImage {
  /** Its name in the image store; `ServiceDefinition.image`. */
  readonly name: string;
  readonly input: ImageInput;
  /** Labels of an OCI image. */
  readonly labels: Readonly<Record<string, string>>;
  /** `USER` of an OCI image. */
  readonly user?: string;
  /** Packages of a recipe. */
  readonly packages: readonly AssembledPackage[];
}

interface CollectOptions {
  readonly arch: Arch;
  /** Seconds since 1970. */
  readonly epoch: number;
}

/** Every image that a service names, made from its recipe or unpacked from the store; each once. */
export async function collectImages(
  project: Project,
  inputs: LockedInputs,
  { arch, epoch }: CollectOptions,
): Promise<CollectedImage[]> {
  const images = new Map<string, CollectedImage>();
  for (const { image } of project.manifest.services) {
    const { name } = image.source;
    if (images.has(name)) continue;
    const loaded = project.recipes.get(name);
    if (loaded) {
      const { tree, packages } = await assembleSystemImage({
        recipe: loaded.recipe,
        recipeFolder: loaded.folder,
        leaveOut: project.lockPath,
        packages: await inputs.read(inputs.set(`image:${name}`)),
        arch,
        epoch,
      });
      const input = await imageFromTree(tree, { names: [withTag(name)], arch, run: {}, epoch });
      images.set(name, { name, input, labels: {}, packages });
    } else {
      const unpacked = await inputs.unpackImage(name);
      const { names, repoDigests } = imageNames(imageLocation(project, image), inputs.image(name));
      const { Labels: labels = {}, User: user } = unpacked.parsedConfig.run;
      images.set(name, {
        name,
        input: { names, repoDigests, config: unpacked.config, layers: unpacked.layers },
        labels,
        ...(user === undefined ? {} : { user }),
        packages: [],
      });
    }
  }
  return [...images.values()];
}

/** The file trees of the manifest's `init` images, lowest first. */
export async function collectInitLayers(
  project: Project,
  inputs: LockedInputs,
  { arch, epoch }: CollectOptions,
): Promise<Tree[]> {
  const trees: Tree[] = [];
  for (const { source } of project.manifest.init) {
    const loaded = project.recipes.get(source.name);
    if (loaded) {
      const packages = await inputs.read(inputs.set(`image:${source.name}`));
      const { recipe, folder } = loaded;
      const leaveOut = project.lockPath;
      const input = { recipe, recipeFolder: folder, leaveOut, packages, arch, epoch };
      trees.push((await assembleSystemImage(input)).tree);
    } else {
      trees.push(mergeLayers((await inputs.unpackImage(source.name)).layers, epoch));
    }
  }
  return trees;
}

/** Images that no recipe makes, each once. */
export function foreignImages(project: Project): ManifestImage[] {
  const found = manifestImages(project.manifest).filter(({ source }) => !project.recipes.has(source.name));
  return [...new Map(found.map(image => [image.source.name, image])).values()];
}

/** Where an image that no recipe makes comes from; paths are made absolute. */
export function imageLocation(
  { workingDirectory }: Project,
  { source, place }: ManifestImage,
): ImageLocation {
  switch (source.kind) {
    case 'registry':
      return source;
    case 'oci-layout':
    case 'docker-archive':
      return { ...source, path: imagePath(workingDirectory, place, source.path) };
    case 'builtin-recipe':
    case 'recipe-folder':
      throw new Error(`the recipe ${source.name} is not an image from elsewhere`);
  }
}

/** Docker lists no image without a tag. */
function withTag(name: string): string {
  return /:[^/]*$/.test(name) ? name : `${name}:latest`;
}
