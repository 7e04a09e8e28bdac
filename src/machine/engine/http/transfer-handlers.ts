import { ToolError } from '../../../shared/errors.ts';
import { invalidParameter } from '../docker-errors.ts';
import { type Exchange, writeAll } from './exchange.ts';
import { type ProgressBody, ProgressStream } from './progress-stream.ts';
import { booleanQuery } from './query.ts';
import { decodeBody, struct, text } from './go-json.ts';

type Send = (message: ProgressBody) => void;

/** What is common to everything that goes on for a while. */
export interface Transfer {
  readonly send: Send;
  readonly signal: AbortSignal;
}

export interface PlatformQuery {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface ImportQuery {
  readonly repository: string;
  readonly tag: string;
  readonly message: string;
  readonly changes: readonly string[];
  readonly platform?: PlatformQuery;
}

/** What bringing images here and away needs of the engine. `auth` is X-Registry-Auth as it came. */
export interface TransferBackend {
  pull(
    name: string,
    tag: string,
    auth: string | undefined,
    platform: PlatformQuery | undefined,
    transfer: Transfer,
  ): Promise<void>;
  push(name: string, tag: string, auth: string | undefined, transfer: Transfer): Promise<void>;
  import(
    source: string,
    body: AsyncIterable<Uint8Array>,
    query: ImportQuery,
    transfer: Transfer,
  ): Promise<void>;
  /** @param quiet tells only the end */
  load(body: AsyncIterable<Uint8Array>, quiet: boolean, transfer: Transfer): Promise<void>;
  /** A tar; names are resolved before the first byte. */
  save(names: readonly string[], signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  distribution(
    name: string,
    auth: string | undefined,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>>;
  /** The sentence about a login that was accepted. */
  login(login: LoginRequest, signal: AbortSignal): Promise<string>;
}

/** POST /auth; names as on the wire. */
export type LoginRequest = Readonly<
  Partial<
    Record<
      'username' | 'password' | 'auth' | 'email' | 'serveraddress' | 'identitytoken' | 'registrytoken',
      string
    >
  >
>;

const loginRequest = struct<LoginRequest>('registry.AuthConfig', {
  username: text(),
  password: text(),
  auth: text(),
  email: text(),
  serveraddress: text(),
  identitytoken: text(),
  registrytoken: text(),
});

/** POST /images/create: a pull, or an import. */
export async function imageCreate(exchange: Exchange): Promise<void> {
  const { backend, query, body, reply, signal } = exchange;
  const stream = new ProgressStream(reply);
  const transfer = { send: stream.send, signal };
  const platform = platformQuery(query);
  const image = query.get('fromImage') ?? '';
  const source = query.get('fromSrc') ?? '';
  await stream.run(async () => {
    if (image !== '') {
      await backend.transfers.pull(image, query.get('tag') ?? '', authOf(exchange), platform, transfer);
    } else {
      const wanted = {
        repository: query.get('repo') ?? '',
        tag: query.get('tag') ?? '',
        message: query.get('message') ?? '',
        changes: query.getAll('changes'),
        ...(platform === undefined ? {} : { platform }),
      };
      await backend.transfers.import(source, body, wanted, transfer);
    }
  });
}

/** POST /images/{name}/push */
export async function imagePush(exchange: Exchange): Promise<void> {
  const { backend, parameters, query, reply, signal } = exchange;
  const stream = new ProgressStream(reply);
  await stream.run(() =>
    backend.transfers.push(parameters.name ?? '', query.get('tag') ?? '', authOf(exchange), {
      send: stream.send,
      signal,
    }),
  );
}

/** POST /images/load */
export async function imageLoad({ backend, query, body, reply, signal }: Exchange): Promise<void> {
  const stream = new ProgressStream(reply);
  // A fault is always told in the answer, as Docker does it.
  stream.begin();
  await stream.run(() =>
    backend.transfers.load(body, booleanQuery(query, 'quiet'), { send: stream.send, signal }),
  );
}

/** GET /images/get and /images/{name}/get */
export async function imageSave({ backend, parameters, query, reply, signal }: Exchange): Promise<void> {
  const names = parameters.name === undefined ? query.getAll('names') : [parameters.name];
  if (names.length === 0) throw invalidParameter('no image was named');
  const tar = await backend.transfers.save(names, signal);
  const output = reply.stream(200, 'application/x-tar');
  for await (const piece of tar) await writeAll(output, Buffer.from(piece), signal);
  output.end();
}

/** GET /distribution/{name}/json */
export async function distributionInspect(exchange: Exchange): Promise<void> {
  const { backend, parameters, reply, signal } = exchange;
  reply.json(200, await backend.transfers.distribution(parameters.name ?? '', authOf(exchange), signal));
}

/** POST /auth: what the registry refuses is 401 here and nowhere else. */
export async function login({ backend, json, reply, signal }: Exchange): Promise<void> {
  const body = decodeBody(loginRequest, await json());
  try {
    reply.json(200, { Status: await backend.transfers.login(body, signal), IdentityToken: '' });
  } catch (error) {
    if (!(error instanceof ToolError) || error.kind !== 'forbidden') throw error;
    reply.json(401, { message: `unauthorized: ${error.message}` });
  }
}

function authOf({ headers }: Exchange): string | undefined {
  const header = headers['x-registry-auth'];
  return typeof header === 'string' ? header : undefined;
}

/** `linux/arm64/v8`. Throws ENGINE_INVALID_PARAMETER. */
function platformQuery(query: URLSearchParams): PlatformQuery | undefined {
  const text = query.get('platform') ?? '';
  if (text === '') return undefined;
  const words = text.toLowerCase().split('/');
  const [first = '', second, variant] = words;
  if (words.length > 3 || words.some(word => !/^[a-z0-9_.-]+$/.test(word))) {
    throw invalidParameter(
      words.length > 3
        ? `${JSON.stringify(text)}: cannot parse platform specifier: invalid argument`
        : `${JSON.stringify(text)}: unknown operating system or architecture: invalid argument`,
    );
  }
  if (second === undefined) {
    return first === 'linux' ? undefined : { os: 'linux', architecture: first };
  }
  return { os: first, architecture: second, ...(variant === undefined ? {} : { variant }) };
}
