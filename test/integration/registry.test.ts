import type { IncomingMessage, ServerResponse } from 'node:http';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { assembleImageStore } from '../../src/build/assemble/image-store.ts';
import { fetchImage } from '../../src/build/resolve/oci/fetch-image.ts';
import { type ImageLocation, imageNames } from '../../src/build/resolve/oci/image-location.ts';
import { openRegistryFetch } from '../../src/shared/oci/registry-fetch.ts';
import { resolveImage } from '../../src/build/resolve/oci/resolve-image.ts';
import { type Store, openStore } from '../../src/build/store/store.ts';
import { unpackImage } from '../../src/build/unpack/oci-image.ts';
import type { Arch } from '../../src/shared/arch.ts';
import { digestOf } from '../../src/shared/digest.ts';
import type { ImageIndex } from '../../src/shared/machine-image.ts';
import { MEDIA_TYPES } from '../../src/shared/oci/media-types.ts';
import { parseReference } from '../../src/shared/oci/reference.ts';
import { RegistryPusher } from '../../src/shared/oci/registry-push.ts';
import { Registry, type RegistryOptions } from '../../src/shared/oci/registry.ts';
import {
  type TestImage,
  blobOf,
  blobsOf,
  collect,
  entry,
  file,
  imageOf,
  indexOf,
  tarOf,
  temporaryFolder,
} from '../support/oci-image.ts';
import { USER, findRegistryProgram, push, startHostileServer, startRegistry } from '../support/registry.ts';

const EPOCH = 1_700_000_000;
const LOGIN = { kind: 'password', ...USER } as const;
const program = await findRegistryProgram();
const { fetch } = openRegistryFetch({});

async function storeFor(t: Test): Promise<Store> {
  const folder = await temporaryFolder();
  const store = await openStore(folder.path);
  t.teardown(async () => {
    await store[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  return store;
}

const at = (reference: string): ImageLocation => ({ kind: 'registry', reference, name: reference });
const registryWith = (options: Partial<RegistryOptions> = {}): Registry =>
  new Registry({ fetch, retryDelaysMs: [5, 10], stallMs: 300, ...options });

/** Resolve, fetch and assemble, as a build does. */
async function build(
  store: Store,
  registry: Registry,
  reference: string,
  arch: Arch = 'amd64',
  offline = false,
) {
  const location = at(reference);
  const locked = await resolveImage(location, reference, arch, { store, registry, offline });
  await fetchImage(location, locked, { store, registry, offline });
  const image = await unpackImage(store, locked, { arch });
  const tree = await assembleImageStore([{ ...image, ...imageNames(location, locked) }], { epoch: EPOCH });
  const found = tree.lookup('images/index.json');
  const text =
    found?.kind === 'file' && found.content.kind === 'bytes'
      ? Buffer.from(found.content.bytes).toString()
      : '';
  return { locked, tree, index: JSON.parse(text) as ImageIndex };
}

const tarA = await tarOf([file('bin/sh', '#!'), entry('hardlink', 'bin/ash', { target: 'bin/sh' })]);
const tarB = await tarOf([file('bin/.wh.ash', ''), file('etc/name', 'x'.repeat(200_000))]);
const amd64 = imageOf([tarA, tarB]);
const arm64 = imageOf([tarA], { arch: 'arm64' });
const zstd = imageOf([tarA, tarB], { compression: 'zstd' });
const docker = imageOf([tarA], { docker: true });

for (const login of ['anonymous', 'basic'] as const) {
  t.test(`docker-registry, ${login}`, async t => {
    const folder = await temporaryFolder();
    const server = await startRegistry(program, folder.path, login);
    t.teardown(async () => {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    });
    const user = login === 'basic' ? USER : undefined;
    const registry = registryWith(login === 'basic' ? { credentials: () => Promise.resolve(LOGIN) } : {});
    const blobs = (...images: TestImage[]) => images.flatMap(image => [image.config, ...image.layers]);
    const list = indexOf({ 'linux/amd64': amd64, 'linux/arm64/v8': arm64 }, true);
    await push(
      server.host,
      'team/app',
      blobs(amd64, arm64),
      [{ blob: amd64.manifest, tag: 'single' }, { blob: arm64.manifest }, { blob: list, tag: 'multi' }],
      user,
    );
    await push(server.host, 'team/zstd', blobs(zstd), [{ blob: zstd.manifest, tag: 'latest' }], user);
    await push(server.host, 'team/docker', blobs(docker), [{ blob: docker.manifest, tag: 'v2' }], user);

    t.test('one image', async t => {
      const reference = `${server.host}/team/app:single`;
      const { locked, index, tree } = await build(await storeFor(t), registry, reference);
      t.equal(locked.manifest.digest, amd64.manifest.digest);
      t.equal(locked.reference, reference);
      t.same(index.images, [
        {
          id: amd64.config.digest,
          names: [reference],
          repoDigests: [`${server.host}/team/app@${amd64.manifest.digest}`],
          config: Buffer.from(amd64.config.bytes).toString(),
          layers: [tarA, tarB].map(tar => ({ diffId: digestOf(tar), sizeBytes: tar.length })),
        },
      ]);
      t.match(tree.get(`layers/${digestOf(tarB).slice(7)}/bin/ash`), { kind: 'char-device', major: 0 });
    });

    t.test('a manifest list, for each architecture', async t => {
      const store = await storeFor(t);
      const reference = `${server.host}/team/app:multi`;
      t.equal((await build(store, registry, reference)).locked.manifest.digest, amd64.manifest.digest);
      t.equal(
        (await build(store, registry, reference, 'arm64')).locked.manifest.digest,
        arm64.manifest.digest,
      );
    });

    t.test('zstd layers, and Docker media types', async t => {
      const store = await storeFor(t);
      t.equal(
        (await build(store, registry, `${server.host}/team/zstd`)).index.images[0]?.id,
        zstd.config.digest,
      );
      t.equal(
        (await build(store, registry, `${server.host}/team/docker:v2`)).index.images[0]?.id,
        docker.config.digest,
      );
    });

    t.test('by digest, then offline from the store alone', async t => {
      const store = await storeFor(t);
      const reference = `${server.host}/team/app@${list.digest}`;
      const online = await build(store, registry, reference);
      const nobody = registryWith({ fetch: () => Promise.reject(new Error('the network was asked')) });
      const offline = await build(store, nobody, reference, 'amd64', true);
      t.same(offline.locked, online.locked);
      t.same(offline.index, online.index);
      await fetchImage(at(`${server.host}/team/app:multi`), online.locked, {
        store,
        registry: nobody,
        offline: true,
      });
      await t.rejects(build(store, nobody, `${server.host}/team/app:multi`, 'amd64', true), {
        code: 'OCI_OFFLINE',
      });
      await t.rejects(build(await storeFor(t), nobody, reference, 'amd64', true), { code: 'OCI_OFFLINE' });
    });

    t.test('what is not there is named', async t => {
      const store = await storeFor(t);
      const missing = `${server.host}/team/app:nothing`;
      await t.rejects(build(store, registry, missing), {
        code: 'OCI_NOT_FOUND',
        message: new RegExp(missing),
      });
      await t.rejects(build(store, registry, `${server.host}/nobody/nothing`), { code: 'OCI_NOT_FOUND' });
      await t.rejects(build(store, registry, `${server.host}/team/zstd`, 'arm64'), {
        code: 'OCI_PLATFORM_MISSING',
      });
    });

    if (login === 'basic') {
      t.test('without a login, and with a wrong one', async t => {
        const store = await storeFor(t);
        const reference = `${server.host}/team/app:single`;
        await t.rejects(build(store, registryWith(), reference), {
          code: 'OCI_UNAUTHORIZED',
          message: /asks for a login/,
        });
        const wrong = registryWith({ credentials: () => Promise.resolve({ ...LOGIN, password: 'wrong' }) });
        const error = await build(store, wrong, reference).catch((caught: unknown) => caught);
        t.match(error, { code: 'OCI_UNAUTHORIZED', message: /refuses access/ });
        t.notMatch(String(error), /wrong|correct horse/, 'no password in the message');
      });
    } else {
      t.test('a registry as mirror of another', async t => {
        const mirrored = registryWith({
          mirrors: { 'docker.io': [`http://${server.host}`] },
          fetch: (url, init) =>
            fetch(url, { ...init, headers: { accept: Object.values(MEDIA_TYPES).join(',') } }),
        });
        const { index } = await build(await storeFor(t), mirrored, 'docker.io/team/app:single');
        t.same(index.images[0]?.names, ['docker.io/team/app:single'], 'the name stays');
      });
    }
  });
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An honest registry for one image, whose answers a test bends. */
function honest(
  image: TestImage,
  extra: readonly { bytes: Uint8Array; digest: string; mediaType: string }[] = [],
): Answer {
  const blobs = [...blobsOf(image), ...extra];
  return (request, response) => {
    const name = request.url?.split('/').at(-1) ?? '';
    const blob = name === 'latest' ? (extra.at(-1) ?? image.manifest) : blobs.find(b => b.digest === name);
    response.statusCode = blob ? 200 : 404;
    if (blob) response.setHeader('content-type', blob.mediaType);
    response.end(blob ? Buffer.from(blob.bytes) : '');
  };
}

async function hostile(t: Test, answer: Answer, address?: string) {
  const server = await startHostileServer(answer, address);
  t.teardown(() => server[Symbol.asyncDispose]());
  return server;
}

async function refuse(t: Test, answer: Answer, expected: object, options: Partial<RegistryOptions> = {}) {
  const server = await hostile(t, answer);
  const store = await storeFor(t);
  const reference = `${server.host}/app`;
  const error = await build(store, registryWith(options), reference).catch((caught: unknown) => caught);
  t.match(error, expected);
  t.match(
    (error as Error).message,
    new RegExp(`${reference}|${server.host}`),
    'the error names what was asked for',
  );
  t.same(await readdir(join(store.root, 'results')), [], 'nothing half-made stays');
  return server;
}

const image = amd64;
const layerUrl = new RegExp(`/blobs/${image.layers[1]?.digest ?? ''}$`);
/** Answers some requests otherwise. */
const bend =
  (path: RegExp, bent: Answer, base: Answer = honest(image)): Answer =>
  (request, response) =>
    path.test(request.url ?? '') ? bent(request, response) : base(request, response);

t.test('a hostile registry', async t => {
  t.test('another blob of the same length', t =>
    refuse(
      t,
      bend(layerUrl, (_q, r) => r.end(Buffer.alloc(image.layers[1]?.bytes.length ?? 0))),
      {
        code: 'OCI_DIGEST_MISMATCH',
        kind: 'integrity',
      },
    ),
  );
  t.test('a blob that is cut short', t =>
    refuse(
      t,
      bend(layerUrl, (_q, r) => r.end('x')),
      { code: 'OCI_SIZE_MISMATCH' },
    ),
  );
  t.test('an endless blob stops at one byte too many', async t => {
    let sent = 0;
    await refuse(
      t,
      bend(layerUrl, (_q, response) => {
        const more = (): void => {
          while (!response.destroyed && sent < 1 << 30) {
            sent += 65536;
            if (!response.write(Buffer.alloc(65536))) {
              response.once('drain', more);
              return;
            }
          }
        };
        more();
      }),
      { code: 'OCI_SIZE_MISMATCH', message: /longer than/ },
    );
    t.ok(sent < 64 << 20, `${sent} bytes were sent`);
  });
  t.test('an endless manifest', t =>
    refuse(
      t,
      bend(/manifests/, (_q, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65536, ' ')));
          response.once('drain', more);
        };
        more();
      }),
      { code: 'OCI_DOCUMENT_TOO_LARGE' },
    ),
  );
  t.test('an endless error page', t =>
    refuse(
      t,
      (_q, response) => {
        response.statusCode = 403;
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65536, ' ')));
          response.once('drain', more);
        };
        more();
      },
      { code: 'OCI_UNAUTHORIZED' },
    ),
  );
  t.test('no answer', t =>
    refuse(t, () => undefined, { code: 'OCI_REGISTRY_UNREACHABLE', message: /does not answer/ }),
  );
  t.test('it stops in the middle', async t => {
    const server = await refuse(
      t,
      bend(layerUrl, (_q, r) => void r.writeHead(200).write('x')),
      { code: 'OCI_REGISTRY_UNREACHABLE', message: /stopped sending/ },
    );
    t.ok(server.seen.length < 12, 'attempts end');
  });
  t.test('errors that pass are tried again', async t => {
    let faults = 2;
    const base = honest(image);
    const server = await hostile(t, (request, response) => {
      if (faults-- <= 0) {
        base(request, response);
        return;
      }
      response.statusCode = 503;
      response.end();
    });
    t.equal((await build(await storeFor(t), registryWith(), `${server.host}/app`)).index.images.length, 1);
  });
  t.test('a connection that breaks is taken up where it broke', async t => {
    const bytes = Buffer.from(image.layers[1]?.bytes ?? '');
    for (const hasRanges of [true, false]) {
      let isFirst = true;
      const server = await hostile(
        t,
        bend(layerUrl, (request, response) => {
          const range = /bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1];
          if (isFirst) {
            isFirst = false;
            response.writeHead(200, { 'content-length': bytes.length });
            response.write(bytes.subarray(0, 100), () => response.destroy());
          } else if (range !== undefined && hasRanges) {
            response.writeHead(206, {
              'content-range': `bytes ${range}-${bytes.length - 1}/${bytes.length}`,
            });
            response.end(bytes.subarray(Number(range)));
          } else response.end(bytes);
        }),
      );
      t.equal((await build(await storeFor(t), registryWith(), `${server.host}/app`)).index.images.length, 1);
    }
  });
  t.test('another range than was asked for', t => {
    let isFirst = true;
    const bytes = Buffer.from(image.layers[1]?.bytes ?? '');
    return refuse(
      t,
      bend(layerUrl, (_q, response) => {
        response.writeHead(isFirst ? 200 : 206, {
          'content-length': bytes.length,
          'content-range': 'bytes 0-9/10',
        });
        isFirst = false;
        response.write(bytes.subarray(0, 100), () => response.destroy());
      }),
      { code: 'OCI_SIZE_MISMATCH', message: /another range/ },
    );
  });
  t.test('wrong media types', async t => {
    const as = (type: string): Answer =>
      bend(/manifests/, (_q, r) => r.setHeader('content-type', type).end(Buffer.from(image.manifest.bytes)));
    await refuse(t, as(MEDIA_TYPES.ociIndex), { code: 'OCI_MEDIA_TYPE_CONFUSION' });
    await refuse(t, as(MEDIA_TYPES.dockerManifest), { code: 'OCI_MEDIA_TYPE_CONFUSION' });
    await refuse(t, as('text/html'), { code: 'OCI_MEDIA_TYPE_CONFUSION' });
    const lying = imageOf([tarA], { compression: 'zstd' });
    const layer = blobOf(lying.layers[0]?.bytes ?? '', MEDIA_TYPES.ociLayerGzip);
    const manifest = blobOf(
      Buffer.from(lying.manifest.bytes).toString().replace('tar+zstd', 'tar+gzip'),
      MEDIA_TYPES.ociManifest,
    );
    await refuse(t, honest(lying, [layer, manifest]), { code: 'LAYER_MEDIA_TYPE' });
  });
  const otherManifest: Answer = (_q, r) =>
    r.setHeader('content-type', zstd.manifest.mediaType).end(Buffer.from(zstd.manifest.bytes));
  t.test('an index that points at another manifest', t => {
    const base = honest(amd64, [indexOf({ 'linux/amd64': amd64 })]);
    return refuse(t, bend(new RegExp(`manifests/${amd64.manifest.digest}`), otherManifest, base), {
      code: 'OCI_DIGEST_MISMATCH',
    });
  });
  t.test('another manifest than the digest of the reference', async t => {
    const server = await hostile(t, bend(/manifests/, otherManifest));
    const reference = `${server.host}/app:latest@${image.manifest.digest}`;
    await t.rejects(build(await storeFor(t), registryWith(), reference), {
      code: 'OCI_DIGEST_MISMATCH',
      message: new RegExp(reference),
    });
  });
  t.test('a digest of its own that is not that of the bytes', t =>
    refuse(
      t,
      bend(/manifests/, (_q, r) =>
        r
          .setHeader('content-type', image.manifest.mediaType)
          .setHeader('docker-content-digest', digestOf('x'))
          .end(Buffer.from(image.manifest.bytes)),
      ),
      { code: 'OCI_DIGEST_MISMATCH' },
    ),
  );
  t.test('redirects without end', t =>
    refuse(t, (q, r) => void r.writeHead(307, { location: `${q.url ?? ''}x` }).end(), {
      code: 'OCI_REDIRECT_REFUSED',
      message: /more than 5/,
    }),
  );
  for (const location of [
    'file:///etc/passwd',
    'ftp://x/',
    'http://registry.example/x?sig=secret',
    'https://user:pw@registry.example/',
    'http://[',
  ]) {
    t.test(`a redirect to ${location}`, async t => {
      const asked: string[] = [];
      const server = await hostile(t, (_q, r) => void r.writeHead(302, { location }).end());
      const registry = registryWith({
        fetch: (url, init) => {
          asked.push(url.host);
          return fetch(url, init);
        },
      });
      const error = await build(await storeFor(t), registry, `${server.host}/app`).catch(
        (caught: unknown) => caught,
      );
      t.match(error, { code: 'OCI_REDIRECT_REFUSED' });
      t.notMatch(String(error), /secret|user:pw/, 'signatures and logins are not shown');
      t.ok(
        asked.every(host => host === server.host),
        'nobody else was asked',
      );
    });
  }
  t.test('control characters in its message', t =>
    refuse(
      t,
      (_q, r) => void r.writeHead(403).end(JSON.stringify({ errors: [{ message: 'a\u001b[31mb' }] })),
      {
        code: 'OCI_UNAUTHORIZED',
        message: /a\?\[31mb/,
      },
    ),
  );
});

t.test('credentials go to nobody else', async t => {
  const isAuthorized = (request: IncomingMessage): boolean => request.headers.authorization !== undefined;
  const challenge = (response: ServerResponse, value: string): void =>
    void response.writeHead(401, { 'www-authenticate': value }).end();
  const credentials = (): Promise<typeof LOGIN> => Promise.resolve(LOGIN);

  t.test('not to the host that a blob is redirected to', async t => {
    const base = honest(image);
    const thief = await hostile(t, base, '127.0.0.2');
    const server = await hostile(t, (request, response) => {
      if (!isAuthorized(request)) challenge(response, 'Basic realm="x"');
      else if (request.url?.includes('/blobs/'))
        response.writeHead(307, { location: `http://${thief.host}${request.url}` }).end();
      else base(request, response);
    });
    await build(await storeFor(t), registryWith({ credentials }), `${server.host}/app`);
    t.ok(thief.seen.length >= 3, 'blobs came from there');
    t.same(
      thief.seen.filter(seen => seen.authorization !== undefined),
      [],
    );
  });

  t.test('not to the same host on another port', async t => {
    const thief = await hostile(t, honest(image));
    const server = await hostile(t, (request, response) => {
      if (!isAuthorized(request)) challenge(response, 'Basic realm="x"');
      else response.writeHead(307, { location: `http://${thief.host}${request.url ?? ''}` }).end();
    });
    await build(await storeFor(t), registryWith({ credentials }), `${server.host}/app`);
    t.ok(thief.seen.length > 0);
    t.same(
      thief.seen.filter(seen => seen.authorization !== undefined),
      [],
    );
  });

  t.test('not for a challenge of the host that it is redirected to', async t => {
    const thief = await hostile(t, (_q, r) => challenge(r, 'Basic realm="give me"'), '127.0.0.2');
    const server = await hostile(
      t,
      (q, r) => void r.writeHead(307, { location: `http://${thief.host}${q.url ?? ''}` }).end(),
    );
    await t.rejects(build(await storeFor(t), registryWith({ credentials }), `${server.host}/app`), {
      code: 'OCI_UNAUTHORIZED',
    });
    t.same(
      [...thief.seen, ...server.seen].filter(seen => seen.authorization !== undefined),
      [],
    );
  });

  t.test('not to a token server on another host', async t => {
    const thief = await hostile(t, (_q, r) => void r.end('{"token":"x"}'), '127.0.0.2');
    const server = await refuse(
      t,
      (_q, r) => challenge(r, `Bearer realm="http://${thief.host}/token",service="x"`),
      { code: 'OCI_REALM_REFUSED' },
      { credentials },
    );
    t.same(thief.seen, []);
    t.ok(server.seen.length > 0);
  });

  t.test('unless the user says so', async t => {
    const base = honest(image);
    const tokens = await hostile(t, (_q, r) => void r.end('{"access_token":"T"}'), '127.0.0.2');
    const server = await hostile(t, (request, response) => {
      if (request.headers.authorization === 'Bearer T') base(request, response);
      else
        challenge(response, `Bearer realm="http://${tokens.host}/token",service="s",scope="repository:*:*"`);
    });
    const registry = registryWith({ credentials, realms: { [server.host]: ['127.0.0.2'] } });
    await build(await storeFor(t), registry, `${server.host}/team/app`);
    t.equal(tokens.seen.length, 1, 'one token serves all requests');
    t.match(
      tokens.seen[0]?.path,
      /^\/token\?scope=repository%3Ateam%2Fapp%3Apull&service=s$/,
      'the scope is ours',
    );
    t.match(tokens.seen[0]?.authorization, /^Basic /);
  });

  t.test('an anonymous token may come from another host', async t => {
    const base = honest(image);
    const tokens = await hostile(t, (_q, r) => void r.end('{"token":"A"}'), '127.0.0.2');
    const server = await hostile(t, (request, response) => {
      if (request.headers.authorization === 'Bearer A') base(request, response);
      else challenge(response, `Bearer realm="http://${tokens.host}/token"`);
    });
    await build(await storeFor(t), registryWith(), `${server.host}/app`);
    t.equal(tokens.seen[0]?.authorization, undefined);
  });

  t.test('not along a redirect of the token server', async t => {
    const thief = await hostile(t, (_q, r) => void r.end('{"token":"x"}'), '127.0.0.2');
    const server = await hostile(t, (request, response) => {
      if (request.url?.startsWith('/token'))
        response.writeHead(302, { location: `http://${thief.host}/` }).end();
      else challenge(response, `Bearer realm="http://${request.headers.host ?? ''}/token"`);
    });
    await t.rejects(build(await storeFor(t), registryWith({ credentials }), `${server.host}/app`), {
      code: 'OCI_REDIRECT_REFUSED',
    });
    t.same(thief.seen, []);
  });

  t.test('an expired token is asked for anew, once', async t => {
    const base = honest(image);
    let issued = 0;
    const server = await hostile(t, (request, response) => {
      if (request.url?.startsWith('/token')) response.end(JSON.stringify({ token: `T${++issued}` }));
      else if (request.headers.authorization === `Bearer T${request.url?.includes('/blobs/') ? 2 : 1}`)
        base(request, response);
      else challenge(response, `Bearer realm="http://${request.headers.host ?? ''}/token"`);
    });
    await build(await storeFor(t), registryWith({ credentials }), `${server.host}/app`);
    t.equal(issued, 2);
  });

  t.test('an identity token is exchanged by POST and never shown', async t => {
    const base = honest(image);
    const server = await hostile(t, (request, response) => {
      if (request.url?.startsWith('/token')) response.end(JSON.stringify({ token: request.method }));
      else if (request.headers.authorization === 'Bearer POST') base(request, response);
      else challenge(response, `Bearer realm="http://${request.headers.host ?? ''}/token"`);
    });
    const token = { kind: 'identity-token', token: 'refresh-me' } as const;
    await build(
      await storeFor(t),
      registryWith({ credentials: () => Promise.resolve(token) }),
      `${server.host}/app`,
    );
    t.notOk(server.seen.some(seen => seen.path.includes('refresh-me')));
  });

  t.test('plain HTTP is for loopback, and for what the user names', async t => {
    const asked: string[] = [];
    const watching = (url: URL): Promise<Response> => {
      asked.push(url.origin);
      return Promise.reject(new Error('stop'));
    };
    const ask = (reference: string, options: Partial<RegistryOptions> = {}): Promise<unknown> =>
      registryWith({ fetch: watching, retryDelaysMs: [], ...options }).fetchManifest(
        parseReference(reference),
      );
    await t.rejects(ask('registry.example:5000/a'), { code: 'OCI_REGISTRY_UNREACHABLE' });
    await t.rejects(ask('registry.example:5000/a', { insecure: ['registry.example:5000'] }));
    await t.rejects(ask('localhost:5000/a'));
    await t.rejects(ask('localhost.example:5000/a'));
    await t.rejects(ask('127.0.0.1.example/a'));
    t.same(asked, [
      'https://registry.example:5000',
      'http://registry.example:5000',
      'http://localhost:5000',
      'https://localhost.example:5000',
      'https://127.0.0.1.example',
    ]);
  });
});

t.test('a registry behind TLS does not talk us into plain HTTP', async t => {
  const asked: string[] = [];
  const answering = (answer: () => Response) =>
    registryWith({
      retryDelaysMs: [],
      credentials: () => Promise.resolve(LOGIN),
      fetch: url => {
        asked.push(url.href);
        return Promise.resolve(answer());
      },
    });
  const pull = (registry: Registry): Promise<unknown> =>
    registry.fetchManifest(parseReference('registry.example/a'));
  const redirecting = answering(
    () => new Response(null, { status: 307, headers: { location: 'http://127.0.0.1/x' } }),
  );
  await t.rejects(pull(redirecting), { code: 'OCI_REDIRECT_REFUSED' });
  for (const realm of [
    'http://registry.example/token',
    'http://127.0.0.1/token',
    'https://evil.example.org/token',
    'https://u:p@registry.example/t',
    'nothing',
  ]) {
    const challenging = answering(
      () => new Response(null, { status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}"` } }),
    );
    await t.rejects(pull(challenging), { code: 'OCI_REALM_REFUSED' }, realm);
  }
  t.ok(asked.every(url => url.startsWith('https://registry.example/v2/')));
  const sibling = answering(
    () =>
      new Response('{}', {
        status: 401,
        headers: { 'www-authenticate': 'Bearer realm="https://auth.registry.example/t"' },
      }),
  );
  await t.rejects(pull(sibling), { code: 'OCI_TOKEN_FAILED' }, 'a host of the same site is asked');
  t.match(asked.at(-1), /^https:\/\/auth\.registry\.example\/t\?/);
});

t.test('Ctrl-C ends a download and leaves nothing', async t => {
  const server = await hostile(
    t,
    bend(layerUrl, (_q, r) => void r.writeHead(200).write('x')),
  );
  const store = await storeFor(t);
  const registry = registryWith({ stallMs: 60_000 });
  const location = at(`${server.host}/app`);
  const locked = await resolveImage(location, 'app', 'amd64', { store, registry });
  const stop = new AbortController();
  const fetching = fetchImage(location, locked, {
    store,
    registry,
    signal: stop.signal,
    emit: () => stop.abort(new Error('stopped')),
  });
  await t.rejects(fetching, { message: 'stopped' });
  const [session = ''] = await readdir(join(store.root, 'tmp'));
  t.same(await readdir(join(store.root, 'tmp', session)), []);
});

t.test('all of a stream is read', async t => {
  const server = await hostile(t, honest(image));
  const reference = parseReference(`${server.host}/app`);
  const [, layer] = image.layers;
  if (!layer) throw new Error('no layer');
  const descriptor = {
    mediaType: layer.mediaType,
    digest: layer.digest,
    sizeBytes: layer.bytes.length,
    annotations: {},
  };
  t.same(await collect(registryWith().fetchBlob(reference, descriptor)), Buffer.from(layer.bytes));
});

t.test('pushing', async t => {
  const login = { credentials: () => Promise.resolve(LOGIN) };
  const bytes = async function* () {
    await Promise.resolve();
    yield Buffer.from('a blob');
  };
  await t.test('an upload that leads elsewhere is not followed, and shows nobody the login', async t => {
    const thief = await hostile(t, (_q, response) => void response.writeHead(202).end(), '127.0.0.2');
    for (const location of [`http://${thief.host}/upload`, 'http://user:pw@127.0.0.1/', 'javascript:x', '']) {
      const server = await hostile(t, (request, response) => {
        request.resume();
        if (request.headers.authorization === undefined) {
          response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
        } else response.writeHead(202, { location }).end();
      });
      const pusher = new RegistryPusher({ fetch, retryDelaysMs: [], ...login });
      await t.rejects(pusher.uploadBlob(parseReference(`${server.host}/app`), bytes), {
        code: 'OCI_UPLOAD_REFUSED',
      });
      t.ok(
        server.seen.every(({ path }) => path.startsWith('/v2/app/')),
        'nothing else was asked',
      );
    }
    t.same(thief.seen, []);
  });
  await t.test('blobs are found, taken over and uploaded once', async t => {
    await using folder = await temporaryFolder();
    await using server = await startRegistry(program, folder.path, 'basic');
    const pusher = new RegistryPusher({ fetch, ...login });
    await pusher.checkLogin(server.host);
    const one = parseReference(`${server.host}/one`);
    const two = parseReference(`${server.host}/two`);
    const blob = await pusher.uploadBlob(one, bytes);
    t.same(blob, { digest: digestOf('a blob'), sizeBytes: 6 });
    t.equal(await pusher.findBlob(one, blob.digest), 6);
    t.equal(await pusher.findBlob(two, blob.digest), undefined);
    t.equal(await pusher.mountBlob(two, digestOf('nothing'), 'one'), false);
    t.equal(await pusher.mountBlob(two, blob.digest, 'one'), true);
    t.equal(await pusher.findBlob(two, blob.digest), 6);
    const nobody = new RegistryPusher({ fetch, retryDelaysMs: [] });
    await t.rejects(nobody.checkLogin(server.host), { code: 'OCI_UNAUTHORIZED' });
    await t.rejects(nobody.uploadBlob(one, bytes), { code: 'OCI_UNAUTHORIZED' });
  });
});
