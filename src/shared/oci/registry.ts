import { createHash } from 'node:crypto';
import { type Digest, digestOf } from '../digest.ts';
import { ToolError } from '../errors.ts';
import { DOCUMENT_LIMITS, type Descriptor } from './image.ts';
import { type ManifestDocument, digestMismatch, sizeMismatch } from './image-source.ts';
import { MANIFEST_ACCEPT } from './media-types.ts';
import { type ImageReference, formatReference, repositoryName } from './reference.ts';
import { type RegistryOptions, RegistrySession } from './registry-session.ts';
import {
  type ResponseHeaders,
  type TransportResponse,
  isUnreachable,
  readDocument,
} from './registry-transport.ts';

export type { RegistryOptions } from './registry-session.ts';

const TAGS_A_PAGE = 100;
const MAX_TAGS = 10_000;
/** A registry may give fewer on a page than it is asked for, or none. */
const MAX_TAG_PAGES = 300;

/** A connection that brought less than this before it broke counts as a failed attempt. */
const RESUME_PROGRESS = 1 << 20;

/**
 * Pulls from registries (OCI distribution specification 1.1). All that is addressed by a digest is
 * checked against it while it streams; errors name the reference.
 */
export class Registry {
  readonly #session: RegistrySession;

  constructor(options: RegistryOptions) {
    this.#session = new RegistrySession(options);
  }

  /**
   * The manifest or index of a reference: by digest where it has one (or `digest` is given), else by tag.
   * Throws OCI_NOT_FOUND, OCI_UNAUTHORIZED, OCI_REGISTRY_UNREACHABLE, OCI_REGISTRY_REFUSED, OCI_DIGEST_MISMATCH,
   * OCI_DOCUMENT_TOO_LARGE, OCI_REDIRECT_REFUSED, OCI_REALM_REFUSED, OCI_TOKEN_FAILED.
   */
  async fetchManifest(
    reference: ImageReference,
    options: { readonly digest?: Digest; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ManifestDocument> {
    const wanted = options.digest ?? reference.digest;
    const name = wanted ?? reference.tag ?? 'latest';
    const what = `resolving image ${formatReference(reference)}`;
    const { registry, repository } = reference;
    return this.#session.eachEndpoint(registry, async endpoint => {
      const response = await this.#session.request(
        endpoint,
        { repository },
        `v2/${repository}/manifests/${name}`,
        {
          headers: { accept: MANIFEST_ACCEPT },
          signal: options.signal,
          what,
        },
      );
      const bytes = await readDocument(response, DOCUMENT_LIMITS.manifest, what);
      const digest = digestOf(bytes);
      const claimed = response.headers.get('docker-content-digest');
      if (wanted !== undefined && digest !== wanted) throw digestMismatch(what, digest, wanted);
      if (claimed?.startsWith('sha256:') && claimed !== digest) throw digestMismatch(what, digest, claimed);
      const mediaType = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
      const isGeneric = mediaType === undefined || ['', 'application/json', 'text/plain'].includes(mediaType);
      return { bytes, digest, mediaType: isGeneric ? undefined : mediaType };
    });
  }

  /** Every tag of a repository, at most 10,000 of 300 pages. Throws as fetchManifest, OCI_DOCUMENT_MALFORMED. */
  async listTags(
    reference: ImageReference,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<string[]> {
    const { registry, repository } = reference;
    const what = `listing the tags of ${repositoryName(reference)}`;
    const endpoint = this.#session.endpointOf(registry);
    const tags: string[] = [];
    let next: URL | undefined = new URL(`v2/${repository}/tags/list?n=${TAGS_A_PAGE}`, endpoint.base);
    for (let page = 0; next !== undefined && tags.length < MAX_TAGS && page < MAX_TAG_PAGES; page += 1) {
      const { signal } = options;
      const response: TransportResponse = await this.#session.request(endpoint, { repository }, next, {
        signal,
        what,
      });
      const bytes = await readDocument(response, DOCUMENT_LIMITS.manifest, what);
      for (const tag of parseTags(bytes, what)) tags.push(tag);
      const link: string = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1] ?? '';
      const following: URL | null = link === '' ? null : URL.parse(link, next.href);
      next = following?.origin === endpoint.base.origin ? following : undefined;
    }
    return tags.slice(0, MAX_TAGS);
  }

  /**
   * A blob's bytes. A connection that breaks is taken up where it broke. The stream throws before its
   * end unless size and digest are the descriptor's: OCI_DIGEST_MISMATCH, OCI_SIZE_MISMATCH, and as fetchManifest.
   */
  async *fetchBlob(
    reference: ImageReference,
    descriptor: Descriptor,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<Uint8Array> {
    const what = `fetching image ${formatReference(reference)}: blob ${descriptor.digest}`;
    const hash = createHash('sha256');
    let received = 0;
    const { registry, repository } = reference;
    const delays = this.#session.retryDelaysMs;
    for (let attempt = 0; ; attempt++) {
      const before = received;
      const response = await this.#session.eachEndpoint(registry, endpoint =>
        this.#session.request(endpoint, { repository }, `v2/${repository}/blobs/${descriptor.digest}`, {
          headers: received === 0 ? {} : { range: `bytes=${received}-` },
          signal: options.signal,
          what,
        }),
      );
      if (response.status === 206 && !isRangeFrom(response.headers, received)) {
        await response.discard();
        throw sizeMismatch(what, 'the registry sent another range than was asked for');
      }
      // A server without ranges sends everything again.
      let toSkip = response.status === 206 ? 0 : received;
      try {
        for await (const whole of response.body()) {
          const piece = whole.subarray(Math.min(toSkip, whole.length));
          toSkip -= whole.length - piece.length;
          received += piece.length;
          if (received > descriptor.sizeBytes) {
            throw sizeMismatch(
              what,
              `it is longer than the ${descriptor.sizeBytes} bytes that the manifest states`,
            );
          }
          hash.update(piece);
          if (piece.length > 0) yield piece;
        }
        break;
      } catch (error) {
        options.signal?.throwIfAborted();
        // Progress earns fresh attempts: a long download over a bad line still ends.
        if (received - before >= RESUME_PROGRESS) attempt = 0;
        const delayMs = delays[attempt];
        if (!isUnreachable(error) || delayMs === undefined) throw error;
        await this.#session.transport.wait(delayMs, options.signal);
      }
    }
    if (received !== descriptor.sizeBytes) {
      throw sizeMismatch(what, `it has ${received} bytes instead of ${descriptor.sizeBytes}`);
    }
    const digest = `sha256:${hash.digest('hex')}`;
    if (digest !== descriptor.digest) throw digestMismatch(what, digest, descriptor.digest);
  }
}

function parseTags(bytes: Uint8Array, what: string): string[] {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    json = undefined;
  }
  const tags: unknown = typeof json === 'object' && json !== null && 'tags' in json ? json.tags : undefined;
  if (tags === null) return [];
  if (Array.isArray(tags) && tags.every(tag => typeof tag === 'string')) return tags;
  throw new ToolError(`${what}: the answer is no list of tags`, {
    code: 'OCI_DOCUMENT_MALFORMED',
    kind: 'invalid-input',
  });
}

function isRangeFrom(headers: ResponseHeaders, offset: number): boolean {
  return headers.get('content-range')?.startsWith(`bytes ${offset}-`) === true;
}
