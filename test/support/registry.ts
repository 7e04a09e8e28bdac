import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { openToolbox } from '../../src/build/tools/toolbox.ts';
import { hostArch } from '../../src/shared/arch.ts';
import { unpackPackageSets } from './locked-tools.ts';
import type { TestBlob } from './oci-image.ts';

/** How the registry's program is started; arguments come behind `args`. */
export interface RegistryProgram {
  readonly file: string;
  readonly args: readonly string[];
}

/** A registry on this computer's loopback. */
export interface TestRegistry extends AsyncDisposable {
  /** Host and port, as references name it. */
  readonly host: string;
}

/** A user of the registries below. */
export const USER = { username: 'tester', password: 'correct horse' } as const;
/** bcrypt of USER's password. */
const HTPASSWD = `${USER.username}:$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n`;

/**
 * The real docker-registry: SLIPWAY_TEST_REGISTRY where it is set, else Debian's package, resolved,
 * fetched, verified and unpacked into the store as any other.
 */
export async function findRegistryProgram(): Promise<RegistryProgram> {
  const given = process.env.SLIPWAY_TEST_REGISTRY;
  if (given) return { file: given, args: [] };
  const arch = hostArch(process.arch);
  if (!arch) throw new Error(`no packages for ${process.arch}`);
  const set = { want: ['docker-registry', 'libc6'], omit: [] };
  const [root = ''] = await unpackPackageSets([{ arch, set }]);
  return openToolbox({ root, epoch: 0, arch }).command('docker-registry', []);
}

/** Starts the registry with its data in `folder`; with a login, the htpasswd file above is asked for. */
export async function startRegistry(
  program: RegistryProgram,
  folder: string,
  login: 'anonymous' | 'basic',
): Promise<TestRegistry> {
  const config = join(folder, 'config.yml');
  const passwords = join(folder, 'htpasswd');
  await mkdir(folder, { recursive: true });
  await writeFile(passwords, HTPASSWD);
  const auth =
    login === 'basic' ? `auth: {htpasswd: {realm: test, path: ${JSON.stringify(passwords)}}}\n` : '';
  await writeFile(
    config,
    `version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\n${auth}` +
      `storage: {filesystem: {rootdirectory: ${JSON.stringify(join(folder, 'data'))}}}\n` +
      `http: {addr: "127.0.0.1:0"}\n`,
  );
  const child = spawn(program.file, [...program.args, 'serve', config], {
    env: { PATH: dirname(program.file), OTEL_TRACES_EXPORTER: 'none' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise(resolve => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  };
  try {
    return { host: `127.0.0.1:${await portOf(child)}`, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The registry says where it listens; a port of 0 lets the kernel choose a free one. */
function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let log = '';
    const timer = setTimeout(() => reject(new Error(`the registry does not start: ${log}`)), 120_000);
    const fail = (reason: string): void => {
      clearTimeout(timer);
      reject(new Error(`${reason}: ${log}`));
    };
    child.once('error', error => fail(error.message));
    child.once('exit', code => fail(`the registry ended with ${code}`));
    child.stderr?.on('data', (data: Buffer) => {
      log += data.toString();
      const port = /listening on 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
  });
}

/** Pushes blobs and then manifests, each under its digest or a tag, as the distribution specification says. */
export async function push(
  host: string,
  repository: string,
  blobs: readonly TestBlob[],
  manifests: readonly { readonly blob: TestBlob; readonly tag?: string }[],
  login?: typeof USER,
): Promise<void> {
  const authorization = login
    ? { authorization: `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}` }
    : {};
  const base = `http://${host}/v2/${repository}`;
  const send = async (url: string, method: string, body?: Uint8Array, type = 'application/octet-stream') => {
    const response = await fetch(url, {
      method,
      headers: { ...authorization, 'content-type': type },
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
    await response.body?.cancel();
    return response;
  };
  for (const blob of blobs) {
    const started = await send(`${base}/blobs/uploads/`, 'POST');
    const location = new URL(started.headers.get('location') ?? '', base);
    location.searchParams.set('digest', blob.digest);
    await send(location.href, 'PUT', blob.bytes);
  }
  for (const { blob, tag } of manifests) {
    await send(`${base}/manifests/${tag ?? blob.digest}`, 'PUT', blob.bytes, blob.mediaType);
  }
}

/** What one request looked like to a hostile server. */
export interface SeenRequest {
  readonly path: string;
  readonly authorization: string | undefined;
}

/** A server on loopback that answers as the test says, and remembers what it was sent. */
export interface HostileServer extends AsyncDisposable {
  readonly host: string;
  readonly seen: readonly SeenRequest[];
}

/** @param address another loopback address makes it another host */
export async function startHostileServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  address = '127.0.0.1',
): Promise<HostileServer> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    response.on('error', () => undefined);
    seen.push({ path: request.url ?? '', authorization: request.headers.authorization });
    answer(request, response);
  });
  await new Promise<void>(resolve => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `${address}:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
