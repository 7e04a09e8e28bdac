import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { type FetchOptions, fetchBlobs } from '../../src/build/fetch/fetch-blobs.ts';
import { HttpClient } from '../../src/build/fetch/http-client.ts';
import type { LockedSuite } from '../../src/build/lock/lock.ts';
import { type OpenDebianOptions, openDebian } from '../../src/build/resolve/debian/debian-index.ts';
import { type Mirrors, findMirrors, packageUrls } from '../../src/build/resolve/debian/mirrors.ts';
import { type Store, openStore } from '../../src/build/store/store.ts';
import { readDeb } from '../../src/build/unpack/deb.ts';
import type { BuildEvent } from '../../src/shared/events.ts';
import { file, makeDeb } from '../support/deb.ts';
import { type TestMirror, clearSign, makeKey, makeRepository, startMirror } from '../support/mirror.ts';

const NOW = new Date('2026-11-21T00:00:00Z');
const key = await makeKey();
const stranger = await makeKey('stranger');
const hello = await makeDeb('hello', {
  version: '1:2.0-1',
  fields: ['Depends: libhello (>= 1)'],
  entries: [file('usr/bin/hello', '#!/bin/sh\n'.repeat(20_000), 0o755)],
});
const libhello = await makeDeb('libhello');
const repository = await makeRepository({ debs: [hello, libhello], key });

interface World extends AsyncDisposable {
  readonly store: Store;
  readonly mirror: TestMirror;
  readonly mirrors: Mirrors;
  readonly events: BuildEvent[];
  readonly fetchOptions: FetchOptions;
  open(more?: Partial<OpenDebianOptions>): ReturnType<typeof openDebian>;
  fetchHello(more?: Partial<FetchOptions>): ReturnType<typeof fetchBlobs>;
  /** What unfinished files are left in the store. */
  leftovers(): Promise<string[]>;
}

async function makeWorld(folder: string, specs: readonly string[] = []): Promise<World> {
  const mirror = await startMirror(new Map(repository));
  const store = await openStore(join(folder, 'store'));
  const http = new HttpClient({ env: {}, maxSockets: 6 });
  const mirrors = await findMirrors({
    mirrors: specs.length > 0 ? specs : [`debian=${mirror.url}`],
    env: {},
    cwd: folder,
    aptFolder: '/nonexistent',
  });
  const events: BuildEvent[] = [];
  const fetchOptions: FetchOptions = {
    store,
    http,
    emit: event => events.push(event),
    stallMs: 300,
    retryDelaysMs: [10],
  };
  return {
    store,
    mirror,
    mirrors,
    events,
    fetchOptions,
    open: more =>
      openDebian({
        ...fetchOptions,
        mirrors,
        now: NOW,
        keys: [key.archiveKey],
        suites: [{ archive: 'debian', suite: 'trixie' }],
        ...more,
      }),
    fetchHello: more =>
      fetchBlobs(
        [
          {
            name: 'hello 1:2.0-1',
            digest: `sha256:${hello.package.sha256}`,
            sizeBytes: hello.package.sizeBytes,
            urls: packageUrls(hello.package, mirrors, ['2026-11-19T02:12:54.000Z']),
            goneHint: 'run "slipway lock --update hello"',
          },
        ],
        { ...fetchOptions, ...more },
      ),
    async leftovers() {
      const sessions = await readdir(join(store.root, 'tmp'));
      const inside = await Promise.all(sessions.map(name => readdir(join(store.root, 'tmp', name))));
      return inside.flat();
    },
    async [Symbol.asyncDispose]() {
      http[Symbol.dispose]();
      await store[Symbol.asyncDispose]();
      await mirror[Symbol.asyncDispose]();
    },
  };
}

t.test('from a signed index to the files of a package', async t => {
  await using world = await makeWorld(t.testdir());
  const index = await world.open();
  t.match(index.suites, [{ archive: 'debian', suite: 'trixie', date: '2026-11-19T02:12:54.000Z' }]);
  const packages = await index.resolve('amd64', { want: ['hello'], omit: [] });
  t.strictSame(packages, [hello.package, libhello.package]);
  await world.fetchHello();
  const deb = await readDeb(world.store, hello.package);
  t.equal(deb.control.get('depends'), 'libhello (>= 1)');
  t.match(deb.entries, [{ path: 'usr/bin/hello', mode: 0o755, content: { kind: 'slice', size: 200_000 } }]);
  t.match(world.events.at(-1), {
    type: 'fetch-progress',
    filesDone: 1,
    filesTotal: 1,
    receivedBytes: hello.bytes.length,
  });
  t.strictSame(await world.leftovers(), []);

  const before = world.mirror.requests.length;
  await world.fetchHello({ offline: true });
  t.equal(world.mirror.requests.length, before, 'what is in the store is not fetched again');
  const offline = await world.open({ offline: true, previousSuites: index.suites });
  t.strictSame(
    await offline.resolve('amd64', { want: ['hello'], omit: [] }),
    packages,
    'indexes come from the store',
  );
});

t.test('an empty store and no network', async t => {
  await using world = await makeWorld(t.testdir());
  await t.rejects(world.fetchHello({ offline: true }), {
    code: 'FETCH_OFFLINE',
    message: 'fetching hello 1:2.0-1: not in the store, and the network must not be used',
  });
  await t.rejects(world.open({ offline: true }), { code: 'FETCH_OFFLINE' });
});

t.test('indexes that are not to be trusted', async t => {
  const inRelease = repository.get('dists/trixie/InRelease')?.toString() ?? '';
  const remake = async (more: object): Promise<string> =>
    (await makeRepository({ debs: [hello], key, ...more })).get('dists/trixie/InRelease')?.toString() ?? '';
  const previous: LockedSuite = {
    archive: 'debian',
    suite: 'trixie',
    date: '2026-11-20T00:00:00.000Z',
    inReleaseSha256: '0'.repeat(64),
  };
  const signLine = (line: string): Promise<string> =>
    clearSign(`Codename: trixie\n${line}\nSHA256:`, key, NOW);
  const cases: readonly {
    desc: string;
    text: string;
    code: string;
    fault: string;
    previous?: LockedSuite;
  }[] = [
    {
      desc: 'signed by a stranger',
      text: await remake({ key: stranger }),
      code: 'RELEASE_SIGNATURE',
      fault: 'no key of debian has signed it (key ',
    },
    {
      desc: 'changed after signing',
      text: inRelease.replace('Origin: Debian', 'Origin: Nobody'),
      code: 'RELEASE_SIGNATURE',
      fault: 'no key of debian has signed it (key ',
    },
    {
      desc: 'text before the signed frame',
      text: `Codename: trixie\n\n${inRelease}`,
      code: 'RELEASE_FRAME',
      fault: 'it does not begin with a clear-signed message',
    },
    {
      desc: 'text behind the signed frame',
      text: `${inRelease}Codename: trixie\n`,
      code: 'RELEASE_FRAME',
      fault: 'there is text behind the signature',
    },
    {
      desc: 'two messages',
      text: inRelease + inRelease,
      code: 'RELEASE_FRAME',
      fault: 'there is text behind the signature',
    },
    {
      desc: 'text between the message and its headers',
      text: inRelease.replace(/^Hash: .*$/m, match => `${match}\nCodename: forky`),
      code: 'RELEASE_FRAME',
      fault: "the message's headers are not a strong hash: Hash: SHA512, Codename: forky",
    },
    {
      desc: 'a weak hash',
      text: inRelease.replace(/^Hash: .*$/m, 'Hash: SHA1'),
      code: 'RELEASE_FRAME',
      fault: "the message's headers are not a strong hash: Hash: SHA1",
    },
    {
      desc: 'blanks at the end of a line, which no signature covers',
      text: inRelease.replace('Origin: Debian', 'Origin: Debian '),
      code: 'RELEASE_FRAME',
      fault: 'a signed line ends in a blank',
    },
    {
      desc: 'a signed line with a dash',
      text: await signLine('-----BEGIN PGP SIGNATURE-----'),
      code: 'RELEASE_FRAME',
      fault: 'a signed line begins with a dash',
    },
    {
      desc: 'no signature at all',
      text: inRelease.slice(0, inRelease.indexOf('-----BEGIN PGP SIGNATURE')),
      code: 'RELEASE_FRAME',
      fault: 'its signature is missing',
    },
    {
      desc: 'another suite',
      text: await remake({ codename: 'bookworm' }),
      code: 'RELEASE_SUITE',
      fault: 'it is bookworm, not trixie',
    },
    {
      desc: 'expired',
      text: await remake({ validUntil: 'Fri, 20 Nov 2026 00:00:00 UTC' }),
      code: 'RELEASE_EXPIRED',
      fault: 'it was valid until 2026-11-20T00:00:00.000Z',
    },
    {
      desc: 'older than the lock',
      text: inRelease,
      previous,
      code: 'RELEASE_OLDER',
      fault: "it is of 2026-11-19T02:12:54.000Z, older than the lock's 2026-11-20T00:00:00.000Z",
    },
  ];
  for (const [number, { desc, text, code, fault, previous: locked }] of cases.entries()) {
    await using world = await makeWorld(join(t.testdir(), String(number)));
    world.mirror.files.set('dists/trixie/InRelease', Buffer.from(text));
    const error = await world
      .open(locked ? { previousSuites: [locked] } : {})
      .catch((reason: unknown) => reason);
    t.match(error, { code, kind: 'integrity' }, desc);
    const message = error instanceof Error ? error.message : '';
    t.equal(
      message.slice(0, message.indexOf('InRelease: ')),
      `checking ${world.mirror.url}/dists/trixie/`,
      desc,
    );
    t.ok(message.includes(fault), `${desc}: ${message}`);
  }
});

t.test('an index that is signed in the future', async t => {
  await using world = await makeWorld(t.testdir());
  await t.rejects(world.open({ now: new Date('2026-11-01T00:00:00Z') }), {
    kind: 'integrity',
    code: /^RELEASE_/,
  });
});

t.test('a mirror that is passed over is named', async t => {
  await using bad = await startMirror(new Map(repository));
  bad.files.set('dists/trixie/InRelease', Buffer.from('<html>login first</html>'));
  await using good = await startMirror(new Map(repository));
  await using world = await makeWorld(t.testdir(), [`debian=${bad.url}`, `debian=${good.url}`]);
  t.match((await world.open()).suites, [{ suite: 'trixie' }]);
  t.match(world.events, [
    {
      type: 'warning',
      message: `passed over a mirror: checking ${bad.url}/dists/trixie/InRelease: it does not begin with a clear-signed message`,
    },
  ]);
});

t.test('downloads that go wrong', async t => {
  const { bytes } = hello;
  const path = hello.package.path;
  const wrong = Buffer.from(bytes);
  wrong[1000] = (wrong[1000] ?? 0) ^ 1;
  const cases: readonly {
    desc: string;
    behave: RequestListener;
    code: string;
    fault: string;
    attempts?: number;
  }[] = [
    {
      desc: 'other bytes of the same size',
      behave: (_request, response) => response.end(wrong),
      code: 'FETCH_MISMATCH',
      fault: `sha256:${createHash('sha256').update(wrong).digest('hex')} instead of sha256:${hello.package.sha256}`,
      attempts: 1,
    },
    {
      desc: 'too few bytes',
      behave: (_request, response) => response.end(bytes.subarray(0, 1000)),
      code: 'FETCH_MISMATCH',
      fault: `1000 bytes instead of ${bytes.length}`,
      attempts: 1,
    },
    {
      desc: 'a connection that is cut',
      behave: (_request, response) => {
        response.writeHead(200, { 'content-length': bytes.length });
        response.write(bytes.subarray(0, 1000), () => response.destroy());
      },
      code: 'FETCH_FAILED',
      fault: 'the connection was cut',
      attempts: 2,
    },
    {
      desc: 'no answer',
      behave: () => undefined,
      code: 'FETCH_FAILED',
      fault: 'no byte came for 0.3 s',
      attempts: 2,
    },
    {
      desc: 'a byte now and then',
      behave: (_request, response) => {
        response.writeHead(200, { 'content-length': bytes.length });
        const timer = setInterval(() => response.write('x'), 50);
        response.on('close', () => clearInterval(timer));
      },
      code: 'FETCH_FAILED',
      fault: 'fewer than 1000 bytes a second came for 0.3 s',
      attempts: 2,
    },
    {
      desc: 'an answer that stops',
      behave: (_request, response) => {
        response.writeHead(200, { 'content-length': bytes.length });
        response.write(bytes.subarray(0, 1000));
      },
      code: 'FETCH_FAILED',
      fault: 'no byte came for 0.3 s',
      attempts: 2,
    },
    {
      desc: 'bytes without end',
      behave: (_request, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65536)));
          if (!response.destroyed) response.once('drain', more);
        };
        more();
      },
      code: 'FETCH_MISMATCH',
      fault: `more than the ${bytes.length} bytes expected`,
      attempts: 1,
    },
    {
      desc: 'redirects in a circle',
      behave: (request, response) => response.writeHead(302, { location: request.url }).end(),
      code: 'FETCH_FAILED',
      fault: 'more than 5 redirects',
      attempts: 6,
    },
    {
      desc: 'a redirect to a file of this computer',
      behave: (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      code: 'FETCH_FAILED',
      fault: 'a redirect to file:///etc/passwd, which is not HTTP',
      attempts: 1,
    },
    {
      desc: 'a server in trouble',
      behave: (_request, response) => response.writeHead(503).end(),
      code: 'FETCH_FAILED',
      fault: 'answer 503 Service Unavailable',
      attempts: 2,
    },
    {
      desc: 'forbidden',
      behave: (_request, response) => response.writeHead(403).end(),
      code: 'FETCH_FAILED',
      fault: 'answer 403 Forbidden',
      attempts: 1,
    },
  ];
  for (const [number, { desc, behave, code, fault, attempts }] of cases.entries()) {
    await using world = await makeWorld(join(t.testdir(), String(number)));
    world.mirror.behaviours.set(path, behave);
    const error = await world.fetchHello().catch((reason: unknown) => reason);
    t.match(error, { code }, desc);
    const what =
      code === 'FETCH_MISMATCH' ? 'other bytes came than were asked for' : 'no source delivered it';
    t.equal(
      error instanceof Error ? error.message : '',
      `fetching hello 1:2.0-1: ${what}\n  ${world.mirror.url}/${path}: ${fault}`,
      desc,
    );
    t.equal(world.mirror.requests.length, attempts, `${desc}: attempts`);
    t.strictSame(await world.leftovers(), [], `${desc}: nothing is left`);
    t.strictSame(
      await readdir(join(world.store.root, 'blobs', 'sha256')),
      [],
      `${desc}: nothing is published`,
    );
  }
});

t.test('a slow mirror is waited for as long as bytes come', async t => {
  await using world = await makeWorld(t.testdir());
  world.mirror.behaviours.set(hello.package.path, (_request, response) => {
    let sent = 0;
    const step = Math.ceil(hello.bytes.length / 6);
    const timer = setInterval(() => {
      response.write(hello.bytes.subarray(sent, (sent += step)));
      if (sent >= hello.bytes.length) response.end(() => clearInterval(timer));
    }, 100);
    response.on('close', () => clearInterval(timer));
  });
  t.match(await world.fetchHello(), [{ digest: `sha256:${hello.package.sha256}` }]);
});

t.test('a fault that passes is got over', async t => {
  await using world = await makeWorld(t.testdir());
  world.mirror.behaviours.set(hello.package.path, (_request, response) => {
    world.mirror.behaviours.clear();
    response.writeHead(503).end();
  });
  t.match(await world.fetchHello(), [{ digest: `sha256:${hello.package.sha256}` }]);
});

t.test('a package that is gone', async t => {
  await using second = await startMirror(new Map(repository));
  await using world = await makeWorld(t.testdir({ debs: {} }), [`debian=${second.url}`]);
  second.files.delete(hello.package.path);
  await t.rejects(world.fetchHello(), {
    code: 'FETCH_NOT_FOUND',
    message: `fetching hello 1:2.0-1: no source has it\n  ${second.url}/${hello.package.path}: answer 404 Not Found`,
    hint: 'run "slipway lock --update hello"',
  });

  await t.test('is had from another mirror', async t => {
    await using other = await makeWorld(t.testdir(), [`debian=${second.url}`, `debian=${world.mirror.url}`]);
    t.match(await other.fetchHello(), [{ digest: `sha256:${hello.package.sha256}` }]);
  });
  await t.test('is had from the permanent archive', async t => {
    world.mirror.files.set(`debian/20261119T021254Z/${hello.package.path}`, hello.bytes);
    world.mirror.files.delete(hello.package.path);
    await using other = await makeWorld(t.testdir(), [
      `debian=${second.url}`,
      `snapshot=${world.mirror.url}`,
    ]);
    t.match(await other.fetchHello(), [{ digest: `sha256:${hello.package.sha256}` }]);
  });
  await t.test('is had from a folder of .deb files', async t => {
    const folder = t.testdir({ debs: {} });
    await writeFile(join(folder, 'debs', 'hello_1%3a2.0-1_amd64.deb'), hello.bytes);
    await using other = await makeWorld(folder, ['debs']);
    t.match(await other.fetchHello(), [{ digest: `sha256:${hello.package.sha256}` }]);
  });
});

t.test('a folder laid out as an archive', async t => {
  const folder = t.testdir({ mirror: {} });
  for (const [path, bytes] of repository) {
    await mkdir(dirname(join(folder, 'mirror', path)), { recursive: true });
    await writeFile(join(folder, 'mirror', path), bytes);
  }
  await using world = await makeWorld(folder, ['mirror']);
  const index = await world.open();
  t.strictSame(await index.resolve('amd64', { want: ['hello'], omit: [] }), [
    hello.package,
    libhello.package,
  ]);
  await world.fetchHello();
  t.strictSame(world.mirror.requests, [], 'without the network');
});

t.test('an index that a mirror is just replacing is had by its hash', async t => {
  await using world = await makeWorld(t.testdir());
  const packages = world.mirror.files.get('dists/trixie/main/binary-amd64/Packages.xz') ?? Buffer.alloc(0);
  const hash = createHash('sha256').update(packages).digest('hex');
  world.mirror.files.set(`dists/trixie/main/binary-amd64/by-hash/SHA256/${hash}`, packages);
  world.mirror.files.set('dists/trixie/main/binary-amd64/Packages.xz', Buffer.alloc(packages.length));
  const index = await world.open();
  t.strictSame(await index.resolve('amd64', { want: ['libhello'], omit: [] }), [libhello.package]);
});

t.test('a damaged blob of the store is fetched anew', async t => {
  const folder = t.testdir();
  await using world = await makeWorld(folder);
  const [blob] = await world.fetchHello();
  await writeFile(blob?.path ?? '', 'damage');
  await using again = await makeWorld(folder);
  await again.fetchHello();
  t.strictSame(await readFile(blob?.path ?? ''), hello.bytes);
});

t.test('user name and password stay with their origin and out of messages', async t => {
  await using target = await startMirror();
  const seen: (string | undefined)[] = [];
  target.behaviours.set('', (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(404).end();
  });
  await using world = await makeWorld(t.testdir());
  const withPassword = world.mirror.url.replace('//', '//me:secret@');
  world.mirror.behaviours.set('', (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(302, { location: `${target.url}/elsewhere` }).end();
  });
  const error = await fetchBlobs(
    [{ name: 'x', digest: `sha256:${'0'.repeat(64)}`, urls: [`${withPassword}/x?token=secret`] }],
    world.fetchOptions,
  ).catch((reason: unknown) => reason);
  t.strictSame(seen, [`Basic ${Buffer.from('me:secret').toString('base64')}`, undefined]);
  t.equal(
    error instanceof Error ? error.message : '',
    `fetching x: no source has it\n  ${world.mirror.url}/x?…: answer 404 Not Found`,
  );
});

t.test('a proxy of the environment is used', async t => {
  await using world = await makeWorld(t.testdir());
  await using proxy = await startMirror();
  proxy.behaviours.set('', (request, response) => {
    response.end(request.url === `http://mirror.invalid/${hello.package.path}` ? hello.bytes : 'no');
  });
  using http = new HttpClient({ env: { http_proxy: proxy.url, no_proxy: 'localhost' }, maxSockets: 2 });
  const [blob] = await fetchBlobs(
    [
      {
        name: 'hello',
        digest: `sha256:${hello.package.sha256}`,
        urls: [`http://mirror.invalid/${hello.package.path}`],
      },
    ],
    { ...world.fetchOptions, http },
  );
  t.equal(blob?.sizeBytes, hello.bytes.length);
});

t.test('interrupting leaves nothing', async t => {
  await using world = await makeWorld(t.testdir());
  const controller = new AbortController();
  world.mirror.behaviours.set(hello.package.path, (_request, response) => {
    response.writeHead(200, { 'content-length': hello.bytes.length });
    response.write(hello.bytes.subarray(0, 1000), () => controller.abort(new Error('interrupted')));
  });
  await t.rejects(world.fetchHello({ signal: controller.signal, stallMs: 60_000 }), {
    message: 'interrupted',
  });
  t.strictSame(await world.leftovers(), []);
});

t.test('a full disk', async t => {
  const folder = t.testdir({ full: {} });
  await using world = await makeWorld(folder);
  const modules = new URL('../../src/build/', import.meta.url).href;
  const script = `
    const { openStore } = await import('${modules}store/store.ts');
    const { HttpClient } = await import('${modules}fetch/http-client.ts');
    const { fetchBlobs } = await import('${modules}fetch/fetch-blobs.ts');
    const { readdirSync } = await import('node:fs');
    await using store = await openStore(process.argv[1]);
    using http = new HttpClient({ env: {}, maxSockets: 1 });
    const want = { name: 'hello', digest: 'sha256:${hello.package.sha256}', urls: ['${world.mirror.url}/${hello.package.path}'] };
    const error = await fetchBlobs([want], { store, http, emit() {} }).catch(reason => reason);
    const [session] = readdirSync(store.root + '/tmp');
    console.log(JSON.stringify({ code: error.code, message: error.message, hint: error.hint, left: readdirSync(store.root + '/tmp/' + session) }));
  `;
  const mount = join(folder, 'full');
  const run = promisify(execFile)('unshare', [
    '--map-root-user',
    '--mount',
    'sh',
    '-ec',
    'mount -t tmpfs -o size=128k none "$1"; shift; exec "$@"',
    'sh',
    mount,
    process.execPath,
    '--input-type=module',
    '--eval',
    script,
    mount,
  ]);
  const result = await run.catch((error: unknown) => error as { stderr?: string; stdout?: string });
  if (!result.stdout) {
    t.pass('a full disk', { skip: `no user namespaces here: ${result.stderr ?? ''}` });
    return;
  }
  t.strictSame(JSON.parse(result.stdout), {
    code: 'STORE_FULL',
    message: `writing to the store ${mount}: no space is left on the device`,
    hint: 'free some space, run "slipway store prune", or set SLIPWAY_STORE to a folder on another disk',
    left: [],
  });
});
