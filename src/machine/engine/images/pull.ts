import { hostArch } from '../../../shared/arch.ts';
import { digestOf } from '../../../shared/digest.ts';
import { ToolError } from '../../../shared/errors.ts';
import {
  type Descriptor,
  type ImageManifest,
  type ManifestIndex,
  type Platform,
  choosePlatform,
  parseImageConfig,
  parseImageDocument,
} from '../../../shared/oci/image.ts';
import { type ManifestDocument, readDocumentBlob } from '../../../shared/oci/image-source.ts';
import {
  type ImageReference,
  familiarName,
  formatReference,
  repositoryName,
} from '../../../shared/oci/reference.ts';
import { openRegistryImage } from '../../../shared/oci/registry-image.ts';
import { Registry } from '../../../shared/oci/registry.ts';
import type { EngineContext } from '../context.ts';
import { imagePlatformMissing } from '../docker-errors.ts';
import { fetchLayers } from './fetch-layers.ts';
import { inPullWords } from './pull-errors.ts';
import { publishImageEvent } from './image-events.ts';
import { tryParseReference } from './image-names.ts';
import { type Progress, warnIfInMemory } from './progress.ts';
import { type ClientLogin, openRegistryAccess } from './registry-access.ts';

export interface PullOptions {
  readonly login: ClientLogin;
  /** Which image of several; the machine's own unless given. */
  readonly platform?: Platform;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Brings an image out of its registry into the writable store. Everything is checked against its digest while it
 * comes; what was fetched by a pull that fails is taken away again. Throws, in Docker's words where it has any,
 * what `Registry` and the layers throw.
 */
export async function pullImage(
  context: EngineContext,
  reference: ImageReference,
  options: PullOptions,
): Promise<void> {
  const { progress, signal } = options;
  const name = familiarName(reference);
  // Without mkfs.erofs nothing needs to be asked for.
  context.images.writable.layers.checkWritable();
  using access = await openRegistryAccess(context.settings, reference.registry, options.login);
  const registry = new Registry(access.options);
  const found = await inPullWords(reference, () => registry.fetchManifest(reference, { signal }));
  progress({
    status: `Pulling from ${familiarRepository(reference)}`,
    id: reference.digest ?? reference.tag ?? 'latest',
  });
  const { manifest, document } = await chooseImage(registry, reference, found, options);

  const source = openRegistryImage(registry, reference);
  const config = await readDocumentBlob(source, manifest.config, signal);
  const { diffIds } = parseImageConfig(config, name);
  if (diffIds.length !== manifest.layers.length) {
    throw new ToolError(
      `${name}: the configuration names ${diffIds.length} layers, the manifest ${manifest.layers.length}`,
      { code: 'OCI_DIFF_ID_MISMATCH', kind: 'integrity' },
    );
  }
  await using draft = context.images.draft();
  const layers = await fetchLayers(context, draft, {
    name,
    layers: manifest.layers.map((descriptor, index) => ({
      descriptor,
      diffId: diffIds[index] ?? digestOf(''),
    })),
    open: (descriptor, stop) => registry.fetchBlob(reference, descriptor, { signal: stop }),
    progress,
    signal,
  });
  const id = digestOf(config);
  const tags = reference.digest === undefined ? [formatReference(reference)] : [];
  const wasCurrent = tags.every(tag => context.images.nameOwner(tag) === id);
  await draft.publish(
    { config, layers, manifest: { mediaType: manifest.mediaType, bytes: document.bytes } },
    { tags, repoDigests: [`${repositoryName(reference)}@${found.digest}`] },
  );
  warnIfInMemory(draft.store, progress);
  progress({ status: `Digest: ${found.digest}` });
  const isNew = !wasCurrent || layers.some(layer => layer.isNew);
  progress({
    status: isNew ? `Status: Downloaded newer image for ${name}` : `Status: Image is up to date for ${name}`,
  });
  publishImageEvent(context, 'pull', name, { name: familiarRepository(reference) });
}

/** Brings every tag of a repository, one after the other. Throws as `pullImage`. */
export async function pullAllTags(
  context: EngineContext,
  repository: ImageReference,
  options: PullOptions,
): Promise<void> {
  using access = await openRegistryAccess(context.settings, repository.registry, options.login);
  const registry = new Registry(access.options);
  const { signal } = options;
  const tags = await inPullWords(repository, () => registry.listTags(repository, { signal }));
  for (const tag of tags) {
    const reference = tryParseReference(`${repositoryName(repository)}:${tag}`);
    if (reference !== undefined) await pullImage(context, reference, options);
  }
}

async function chooseImage(
  registry: Registry,
  reference: ImageReference,
  found: ManifestDocument,
  { platform, signal }: PullOptions,
): Promise<{ readonly manifest: ImageManifest; readonly document: ManifestDocument }> {
  const name = familiarName(reference);
  const parsed = parseImageDocument(found.bytes, found.mediaType, name);
  if (parsed.kind === 'manifest') return { manifest: parsed, document: found };
  const descriptor = chooseOf(parsed, platform, name);
  const document = await registry.fetchManifest(reference, { digest: descriptor.digest, signal });
  const manifest = parseImageDocument(document.bytes, descriptor.mediaType, name);
  if (manifest.kind === 'index') {
    throw new ToolError(`${name}: an index inside an index is not supported`, {
      code: 'OCI_MEDIA_TYPE_UNSUPPORTED',
      kind: 'unsupported',
    });
  }
  return { manifest, document };
}

function chooseOf(index: ManifestIndex, platform: Platform | undefined, name: string): Descriptor {
  const own = hostArch(process.arch);
  const { os, architecture, variant } = platform ?? { os: 'linux', architecture: own ?? process.arch };
  const missing = imagePlatformMissing([os, architecture, variant].filter(Boolean).join('/'));
  if (platform === undefined && own !== undefined) {
    try {
      return choosePlatform(index, own, name);
    } catch (error) {
      throw error instanceof ToolError && error.code === missing.code ? missing : error;
    }
  }
  const fits = index.manifests.find(
    other =>
      other.platform?.os === os &&
      other.platform.architecture === architecture &&
      (variant === undefined || other.platform.variant === variant),
  );
  if (fits === undefined) throw missing;
  return fits;
}

/** `library/alpine` of Docker Hub, `host/name` of others. */
function familiarRepository({ registry, repository }: ImageReference): string {
  return registry === 'docker.io' ? repository : `${registry}/${repository}`;
}
