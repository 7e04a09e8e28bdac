import t from 'tap';
import { digestOf } from '../../../../src/shared/digest.ts';
import { parseReference } from '../../../../src/shared/oci/reference.ts';
import { RegistryPusher } from '../../../../src/shared/oci/registry-push.ts';
import type { FetchFunction, FetchInit } from '../../../../src/shared/oci/registry-transport.ts';
import { Registry } from '../../../../src/shared/oci/registry.ts';

const APP = parseReference('registry.example/app');

/** A registry in memory; what it was asked is in `seen`. */
function registryOf(answer: (url: URL, init: FetchInit) => Response | Promise<Response>) {
  const seen: string[] = [];
  const fetch: FetchFunction = async (url, init) => {
    seen.push(`${init.method} ${url.pathname}`);
    return answer(url, init);
  };
  return { fetch, seen };
}

async function textOf(init: FetchInit): Promise<string> {
  const { body = '' } = init;
  if (typeof body === 'string') return body;
  const pieces = body instanceof Uint8Array ? [body] : await Array.fromAsync(body);
  return Buffer.concat(pieces).toString();
}

const refused = (): Response =>
  new Response(null, {
    status: 401,
    headers: { 'www-authenticate': 'Bearer realm="https://registry.example/token"' },
  });

t.test('a login that runs out while a blob is sent begins the upload anew', async t => {
  let tokens = 0;
  let uploads = 0;
  const bodies: string[] = [];
  const { fetch, seen } = registryOf(async (url, init) => {
    if (url.pathname === '/token') return Response.json({ token: `token-${++tokens}` });
    // The first one is good for one request.
    const isStale = tokens === 1 && seen.filter(line => !line.endsWith('/token')).length > 2;
    if (tokens === 0 || isStale) {
      if (init.method === 'PATCH') bodies.push(await textOf(init));
      return refused();
    }
    if (init.method === 'POST') {
      return new Response(null, { status: 202, headers: { location: `/upload/${++uploads}` } });
    }
    if (init.method === 'PATCH') {
      bodies.push(await textOf(init));
      return new Response(null, { status: 202, headers: { location: url.pathname } });
    }
    if (init.method === 'DELETE') return new Response(null, { status: 204 });
    return new Response(null, { status: url.searchParams.get('digest') === digestOf('a blob') ? 201 : 400 });
  });
  const pusher = new RegistryPusher({ fetch, retryDelaysMs: [] });
  let opened = 0;
  const blob = await pusher.uploadBlob(APP, async function* () {
    opened += 1;
    yield Buffer.from('a ');
    yield Buffer.from('blob');
  });
  t.same(blob, { digest: digestOf('a blob'), sizeBytes: 6 });
  t.same(bodies, ['a blob', 'a blob'], 'each time the whole');
  t.equal(opened, 2);
  t.ok(seen.includes('DELETE /upload/1'), 'the first is given back');
  t.equal(seen.at(-1), 'PUT /upload/2');
});

t.test('a registry that refuses every upload is asked twice at most', async t => {
  const { fetch, seen } = registryOf(async (url, init) => {
    if (url.pathname === '/token') return Response.json({ token: 'x' });
    if (init.method === 'POST') return new Response(null, { status: 202, headers: { location: '/upload' } });
    await textOf(init);
    return refused();
  });
  const pusher = new RegistryPusher({ fetch, retryDelaysMs: [] });
  await t.rejects(
    pusher.uploadBlob(APP, async function* () {
      yield Buffer.from('x');
    }),
    { code: 'OCI_UNAUTHORIZED' },
  );
  t.equal(seen.filter(line => line.startsWith('PATCH')).length, 2);
});

t.test('an upload or a manifest that is redirected is refused, in words that fit', async t => {
  const { fetch } = registryOf((_url, init) =>
    init.method === 'PUT'
      ? new Response(null, { status: 307, headers: { location: 'https://elsewhere.example/' } })
      : new Response(null, { status: 404 }),
  );
  const pusher = new RegistryPusher({ fetch, retryDelaysMs: [] });
  const descriptor = { mediaType: 'm', digest: digestOf(''), sizeBytes: 0, annotations: {} };
  await t.rejects(pusher.putManifest(APP, { descriptor, bytes: Buffer.alloc(0) }), {
    code: 'OCI_REDIRECT_REFUSED',
    message:
      'pushing registry.example/app:latest: registry.example redirects to "https://elsewhere.example/": this it has to answer itself',
  });
});

t.test('a list of tags ends', async t => {
  const next = (query: string) => ({ headers: { link: `</v2/app/tags/list?${query}>; rel="next"` } });
  await t.test('though every empty page names another', async t => {
    const { fetch, seen } = registryOf(() =>
      Response.json({ tags: [] }, seen.length < 2000 ? next('last=x') : undefined),
    );
    t.same(await new Registry({ fetch }).listTags(APP), []);
    t.equal(seen.length, 300);
  });
  await t.test('with more tags on a page than a call takes arguments', async t => {
    const { fetch } = registryOf(() => Response.json({ tags: Array.from({ length: 900_000 }, () => 'x') }));
    t.equal((await new Registry({ fetch }).listTags(APP)).length, 10_000);
  });
  await t.test('at its last page', async t => {
    const { fetch } = registryOf(url =>
      url.searchParams.has('last')
        ? Response.json({ tags: ['c'] })
        : Response.json({ tags: ['a', 'b'] }, next('last=b')),
    );
    t.same(await new Registry({ fetch }).listTags(APP), ['a', 'b', 'c']);
  });
});

t.test('a token server of another site is named with what would allow it', async t => {
  const { fetch, seen } = registryOf(
    () =>
      new Response(null, {
        status: 401,
        headers: { 'www-authenticate': 'Bearer realm="https://login.elsewhere.test/token"' },
      }),
  );
  const credentials = () => Promise.resolve({ kind: 'password', username: 'u', password: 'p' } as const);
  const options = { fetch, credentials, retryDelaysMs: [] };
  const failed = {
    code: 'OCI_REALM_REFUSED',
    message: /no setting "realms" allows it/,
    hint: /engine\.registries/,
  };
  await t.rejects(new Registry(options).listTags(APP), failed);
  t.equal(seen.length, 1, 'it is not asked');
});

t.test('a mirror must bring no login, of which a password alone is one', async t => {
  for (const mirror of ['https://u@mirror.example', 'https://:p@mirror.example', 'ftp://mirror.example']) {
    const mirrors = { 'registry.example': [mirror] };
    const registry = new Registry({ fetch: () => Promise.reject(new Error('asked')), mirrors });
    const reference = parseReference('registry.example/a:1');
    await t.rejects(registry.fetchManifest(reference), { code: 'OCI_MIRROR_INVALID' }, mirror);
  }
});

t.test('what mirrors said is told where the registry cannot be reached', async t => {
  const { fetch } = registryOf(url => {
    if (url.host === 'mirror.example') return new Response(null, { status: 404 });
    throw new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND registry.example') });
  });
  const mirrors = { 'registry.example': ['https://mirror.example'] };
  const registry = new Registry({ fetch, mirrors, retryDelaysMs: [] });
  await t.rejects(registry.fetchManifest(parseReference('registry.example/app:9.9')), {
    kind: 'unavailable',
    message: /ENOTFOUND registry\.example.*; before that, .*: not found in mirror\.example/,
  });
});
