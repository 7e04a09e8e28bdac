import { readDocumentBlob } from '../../../shared/oci/image-source.ts';
import {
  type ImageManifest,
  type Platform,
  parseImageConfig,
  parseImageDocument,
} from '../../../shared/oci/image.ts';
import { DEFAULT_REGISTRY, type ImageReference } from '../../../shared/oci/reference.ts';
import { openRegistryImage } from '../../../shared/oci/registry-image.ts';
import { RegistryPusher } from '../../../shared/oci/registry-push.ts';
import { Registry } from '../../../shared/oci/registry.ts';
import type { EngineContext } from '../context.ts';
import { invalidParameter, notSupported } from '../docker-errors.ts';
import type { TransferBackend } from '../http/transfer-handlers.ts';
import { parseClientReference } from '../images/image-names.ts';
import { importImage } from '../images/import.ts';
import { loadImages } from '../images/load.ts';
import { pullAllTags, pullImage } from '../images/pull.ts';
import { inPullWords } from '../images/pull-errors.ts';
import { pushImage } from '../images/push.ts';
import { loginOf, openRegistryAccess, parseAuthHeader } from '../images/registry-access.ts';
import { saveImages } from '../images/save.ts';
import { checkTag, parseTarget } from '../images/tag.ts';

/** Bringing images here and away, in Docker's words. */
export function transferBackend(context: EngineContext): TransferBackend {
  return {
    async pull(name, tag, auth, platform, { send, signal }) {
      parseClientReference(name);
      if (!tag.startsWith('sha256:')) checkTag(tag);
      const reference = parseClientReference(pullName(name, tag));
      const pull = tag === '' && !namesOne(name) ? pullAllTags : pullImage;
      await pull(context, reference, {
        login: parseAuthHeader(auth),
        ...(platform === undefined ? {} : { platform }),
        progress: send,
        signal,
      });
    },
    push: (name, tag, auth, { send, signal }) =>
      pushImage(context, name, tag, { login: parseAuthHeader(auth), progress: send, signal }),
    async import(source, body, query, { send, signal }) {
      if (source !== '-') throw notSupported('importing from a URL');
      const { repository, tag, message, changes, platform } = query;
      const reference = repository === '' ? undefined : parseTarget(repository, tag);
      const id = await importImage(context, body, { reference, message, changes, platform, signal });
      send({ status: id });
    },
    load: (body, quiet, { send, signal }) => loadImages(context, body, { quiet, progress: send, signal }),
    save: names => saveImages(context, names),
    distribution: (name, auth, signal) => inspectDistribution(context, name, auth, signal),
    async login(body, signal) {
      const { credentials, registry = DEFAULT_REGISTRY } = loginOf(body);
      if (credentials === undefined) throw invalidParameter('no user name was given');
      using access = await openRegistryAccess(context.settings, registry, { credentials });
      await new RegistryPusher(access.options).checkLogin(registry, signal);
      return 'Login Succeeded';
    },
  };
}

/** Whether a name has a tag or a digest: one without means all tags here. */
function namesOne(name: string): boolean {
  return name.includes('@') || name.lastIndexOf(':') > name.lastIndexOf('/');
}

/** A digest comes as the tag. */
function pullName(name: string, tag: string): string {
  if (tag === '') return name;
  return tag.startsWith('sha256:') ? `${name}@${tag}` : `${name.replace(/:[^/:]*$/, '')}:${tag}`;
}

/** What a registry has under a name, without bringing it here. */
async function inspectDistribution(
  context: EngineContext,
  name: string,
  auth: string | undefined,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  if (/^[0-9a-f]{64}$/.test(name)) throw invalidParameter('no manifest found for full image ID');
  const reference = parseClientReference(name);
  using access = await openRegistryAccess(context.settings, reference.registry, parseAuthHeader(auth));
  const registry = new Registry(access.options);
  const { bytes, mediaType, digest } = await inPullWords(reference, () =>
    registry.fetchManifest(reference, { signal }),
  );
  const document = parseImageDocument(bytes, mediaType, name);
  return {
    Descriptor: { mediaType: document.mediaType, digest, size: bytes.length },
    Platforms:
      document.kind === 'index'
        ? document.manifests.flatMap(({ platform }) => platform ?? [])
        : [await platformOf(registry, reference, document, signal)],
  };
}

/** The manifest of one image does not say for what it is; its configuration does. */
async function platformOf(
  registry: Registry,
  reference: ImageReference,
  manifest: ImageManifest,
  signal: AbortSignal,
): Promise<Platform> {
  const source = openRegistryImage(registry, reference);
  return parseImageConfig(await readDocumentBlob(source, manifest.config, signal), source.name).platform;
}
