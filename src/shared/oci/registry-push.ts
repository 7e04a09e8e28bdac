import { createHash } from 'node:crypto';
import type { Digest } from '../digest.ts';
import { ToolError } from '../errors.ts';
import type { Descriptor } from './image.ts';
import { type ImageReference, familiarName } from './reference.ts';
import type { AccessScope } from './registry-auth.ts';
import { type RegistryOptions, RegistrySession, type SessionRequest } from './registry-session.ts';
import { type Endpoint, type TransportResponse, hasLogin } from './registry-transport.ts';

/** What was uploaded. */
export interface UploadedBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/**
 * Pushes to a registry (OCI distribution specification 1.1); mirrors are not asked. Errors as the pulling side
 * has them.
 */
export class RegistryPusher {
  readonly #session: RegistrySession;

  constructor(options: RegistryOptions) {
    this.#session = new RegistrySession(options);
  }

  /** Logs in without asking for anything: throws OCI_UNAUTHORIZED and so on when that is refused. */
  async checkLogin(registry: string, signal?: AbortSignal): Promise<void> {
    const endpoint = this.#session.endpointOf(registry);
    const what = `logging in to ${registry}`;
    const response = await this.#session.request(endpoint, {}, 'v2/', { signal, what });
    await response.discard();
  }

  /** Length of a blob that the repository has; undefined if it does not have it. */
  async findBlob(
    reference: ImageReference,
    digest: Digest,
    signal?: AbortSignal,
  ): Promise<number | undefined> {
    const response = await this.#send(reference, {}, `blobs/${digest}`, {
      method: 'HEAD',
      signal,
      accept: [200, 404],
    });
    await response.discard();
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    return response.status === 200 && Number.isSafeInteger(length) ? length : undefined;
  }

  /** Takes a blob over from another repository of the same registry; false when that is not possible. */
  async mountBlob(
    reference: ImageReference,
    digest: Digest,
    from: string,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from });
    const response = await this.#send(reference, { from }, `blobs/uploads/?${String(query)}`, {
      method: 'POST',
      signal,
      accept: [201, 202],
    });
    await response.discard();
    if (response.status === 201) return true;
    // It has begun an upload instead, which nobody is going to use.
    const location = uploadLocation(response, this.#session.endpointOf(reference.registry));
    if (location !== undefined) await this.#cancel(reference, location);
    return false;
  }

  /**
   * Uploads a blob as it comes; its digest is known when it has been sent. Throws OCI_UPLOAD_REFUSED when the
   * registry does not say where it goes.
   * @param open the blob from its beginning; called again when the login ran out before all of it was sent
   */
  async uploadBlob(
    reference: ImageReference,
    open: () => AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<UploadedBlob> {
    for (let isLast = false; ; isLast = true) {
      const uploaded = await this.#tryUpload(reference, open(), isLast, signal);
      if (uploaded !== undefined) return uploaded;
    }
  }

  /** Undefined when the login ran out, except in the last try, which throws OCI_UNAUTHORIZED. */
  async #tryUpload(
    reference: ImageReference,
    blob: AsyncIterable<Uint8Array>,
    isLast: boolean,
    signal: AbortSignal | undefined,
  ): Promise<UploadedBlob | undefined> {
    const endpoint = this.#session.endpointOf(reference.registry);
    const begun = await this.#send(reference, {}, 'blobs/uploads/', {
      method: 'POST',
      signal,
      accept: [202],
    });
    await begun.discard();
    const hash = createHash('sha256');
    let sizeBytes = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const piece of blob) {
        hash.update(piece);
        sizeBytes += piece.length;
        yield piece;
      }
    }
    const location = requireLocation(begun, endpoint, reference);
    const sent = await this.#send(reference, {}, location, {
      method: 'PATCH',
      headers: { 'content-type': 'application/octet-stream' },
      body: counted(),
      signal,
      accept: isLast ? [202, 204] : [202, 204, 401],
    });
    await sent.discard();
    if (sent.status === 401) {
      await this.#cancel(reference, location);
      return undefined;
    }
    const digest: Digest = `sha256:${hash.digest('hex')}`;
    const end = requireLocation(sent, endpoint, reference);
    end.searchParams.set('digest', digest);
    const done = await this.#send(reference, {}, end, {
      method: 'PUT',
      headers: { 'content-length': '0' },
      signal,
      accept: [201, 204],
    });
    await done.discard();
    return { digest, sizeBytes };
  }

  /** Puts a manifest under the reference's tag, or under its digest where it has no tag. */
  async putManifest(
    reference: ImageReference,
    manifest: { readonly descriptor: Descriptor; readonly bytes: Uint8Array },
    signal?: AbortSignal,
  ): Promise<void> {
    const { descriptor, bytes } = manifest;
    const response = await this.#send(reference, {}, `manifests/${reference.tag ?? descriptor.digest}`, {
      method: 'PUT',
      headers: { 'content-type': descriptor.mediaType },
      body: Buffer.from(bytes),
      signal,
      accept: [200, 201, 202],
    });
    await response.discard();
  }

  /** Tells the registry that an upload will not go on; whether it listens does not matter. */
  async #cancel(reference: ImageReference, location: URL): Promise<void> {
    const cancelled = this.#send(reference, {}, location, { method: 'DELETE', accept: [204, 404, 405] });
    await cancelled.then(
      answer => answer.discard(),
      () => undefined,
    );
  }

  #send(
    reference: ImageReference,
    scope: Pick<AccessScope, 'from'>,
    path: string | URL,
    request: Omit<SessionRequest, 'what'>,
  ): Promise<TransportResponse> {
    const { registry, repository } = reference;
    const url = typeof path === 'string' ? `v2/${repository}/${path}` : path;
    const what = `pushing ${familiarName(reference)}`;
    const access = { repository, push: true, ...scope };
    return this.#session.request(this.#session.endpointOf(registry), access, url, { ...request, what });
  }
}

/** Where an upload goes on; only on the registry itself, which alone may see the login. */
function uploadLocation(response: TransportResponse, endpoint: Endpoint): URL | undefined {
  const text = response.headers.get('location') ?? '';
  const location = text === '' ? null : URL.parse(text, endpoint.base.href);
  return location?.origin === endpoint.base.origin && !hasLogin(location) ? location : undefined;
}

function requireLocation(response: TransportResponse, endpoint: Endpoint, reference: ImageReference): URL {
  const location = uploadLocation(response, endpoint);
  if (location !== undefined) return location;
  throw new ToolError(
    `pushing ${familiarName(reference)}: the registry names no place of its own for an upload`,
    {
      code: 'OCI_UPLOAD_REFUSED',
      kind: 'unavailable',
    },
  );
}
