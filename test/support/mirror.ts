import { createHash } from 'node:crypto';
import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCleartextMessage, generateKey, readKey, readPrivateKey, sign } from 'openpgp';
import type { ArchiveKey } from '../../src/build/resolve/debian/keys/archive-keys.ts';
import type { TestDeb } from './deb.ts';
import { storeAsXz } from './stored-xz.ts';

/** A throw-away signing key. */
export interface TestKey {
  readonly archiveKey: ArchiveKey;
  readonly privateKey: string;
}

export async function makeKey(name = 'test'): Promise<TestKey> {
  const made = await generateKey({
    type: 'curve25519',
    userIDs: [{ name }],
    date: new Date('2026-01-01T00:00:00Z'),
    format: 'armored',
  });
  const fingerprint = (await readKey({ armoredKey: made.publicKey })).getFingerprint();
  return {
    archiveKey: { archive: 'debian', fingerprint, armored: made.publicKey },
    privateKey: made.privateKey,
  };
}

export interface RepositoryOptions {
  readonly debs: readonly TestDeb[];
  readonly key: TestKey;
  readonly suite?: string;
  readonly codename?: string;
  readonly date?: string;
  readonly validUntil?: string;
}

/** A clear-signed text, as Debian signs its indexes. */
export async function clearSign(text: string, key: TestKey, date: Date): Promise<string> {
  const signed = await sign({
    message: await createCleartextMessage({ text }),
    signingKeys: await readPrivateKey({ armoredKey: key.privateKey }),
    date,
  });
  return signed.replaceAll('\r\n', '\n');
}

/** The files of an archive with one suite, by path below its root. */
export async function makeRepository(options: RepositoryOptions): Promise<Map<string, Buffer>> {
  const { suite = 'trixie', date = 'Thu, 19 Nov 2026 02:12:54 UTC' } = options;
  const packages = Buffer.from(options.debs.map(deb => deb.paragraph).join('\n'));
  const packed = storeAsXz(packages);
  const hash = createHash('sha256').update(packed).digest('hex');
  const release = [
    'Origin: Debian',
    `Codename: ${options.codename ?? suite}`,
    `Date: ${date}`,
    ...(options.validUntil === undefined ? [] : [`Valid-Until: ${options.validUntil}`]),
    'Acquire-By-Hash: yes',
    'SHA256:',
    ` ${hash} ${packed.length} main/binary-amd64/Packages.xz`,
  ].join('\n');
  const files = new Map<string, Buffer>();
  files.set(`dists/${suite}/InRelease`, Buffer.from(await clearSign(release, options.key, new Date(date))));
  files.set(`dists/${suite}/main/binary-amd64/Packages.xz`, packed);
  for (const deb of options.debs) files.set(deb.package.path, deb.bytes);
  return files;
}

/** A mirror on loopback that can misbehave. */
export interface TestMirror extends AsyncDisposable {
  readonly url: string;
  readonly files: Map<string, Buffer>;
  /** Answers for paths that end so, instead of the files. */
  readonly behaviours: Map<string, RequestListener>;
  readonly requests: string[];
}

export async function startMirror(files = new Map<string, Buffer>()): Promise<TestMirror> {
  const behaviours = new Map<string, RequestListener>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').slice(1));
    requests.push(path);
    for (const [end, behave] of behaviours) {
      if (path.endsWith(end)) {
        behave(request, response);
        return;
      }
    }
    const bytes = files.get(path);
    if (!bytes) response.writeHead(404).end('no such file');
    else response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    files,
    behaviours,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
