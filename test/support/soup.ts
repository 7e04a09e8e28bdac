import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from './api-client.ts';

export interface SoupOptions {
  readonly api: ApiClient;
  readonly socket: string;
  readonly random: () => number;
  /** Image that is always there. */
  readonly image: string;
  /** An archive with an image `loaded:1`. */
  readonly archive: Buffer;
  readonly pulled: { readonly name: string; readonly tag: string };
  /** A tar with a file. */
  readonly tar: Buffer;
}

/** One thing that clients ask for. */
interface Ask {
  readonly method: string;
  readonly path: string;
  readonly body?: object | Buffer;
  /** The client leaves after a while, whatever it has got. */
  readonly isCutOff?: boolean;
}

/** Longer than anything takes, also on a busy machine. */
const PATIENCE_MS = 120_000;
const CUT_OFF_MS = 150;

/**
 * Asks an engine for random things of a few names, many at a time, until abort or `count` have been asked. Answers what
 * must not happen: faults of the engine's own, and no answer.
 */
export async function stir(
  options: SoupOptions,
  lanes: number,
  count: number,
  signal: AbortSignal,
): Promise<{ readonly faults: readonly string[]; readonly answers: ReadonlyMap<number, number> }> {
  const faults: string[] = [];
  const answers = new Map<number, number>();
  let left = count;
  const isOver = (): boolean => signal.aborted;
  const lane = async (): Promise<void> => {
    while (left > 0 && !isOver()) {
      left -= 1;
      const ask = choose(options);
      const what = `${ask.method} ${ask.path}`;
      try {
        const { status, text } = await send(options, ask);
        answers.set(status, (answers.get(status) ?? 0) + 1);
        if (status >= 500 && !isExpected(text))
          faults.push(`${what}: ${status} ${text.trim().slice(0, 400)}`);
      } catch (error) {
        // What is read of a container ends with it.
        const isEnded = ask.isCutOff === true || /export|archive|\/get/.test(ask.path);
        if (!isOver() && !isEnded) faults.push(`${what}: ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { faults, answers };
}

/** What Docker, too, answers with 500. */
function isExpected(text: string): boolean {
  return /is not paused|could not be started|network .* not found/.test(text);
}

async function send(
  { api, socket }: SoupOptions,
  { method, path, body, isCutOff }: Ask,
): Promise<{ status: number; text: string }> {
  const url = `/v1.45${path}`;
  if (path.includes('/attach')) return attach(socket, url);
  const signal = AbortSignal.timeout(isCutOff === true ? CUT_OFF_MS : PATIENCE_MS);
  return api(method, url, body, signal);
}

/** Takes the connection over, says something, reads nothing, and leaves. */
async function attach(socket: string, url: string): Promise<{ status: number; text: string }> {
  const connection = connect(socket);
  connection.on('error', () => undefined);
  connection.write(`POST ${url} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello\n`);
  await sleep(CUT_OFF_MS);
  connection.destroy();
  return { status: 101, text: '' };
}

function choose(options: SoupOptions): Ask {
  const { random } = options;
  const one = <T>(list: readonly [T, ...T[]]): T => list[Math.floor(random() * list.length)] ?? list[0];
  const container = one(['c0', 'c1', 'c2', 'c3']);
  const volume = one(['v0', 'v1']);
  const network = one(['n0', 'n1']);
  const post = (path: string, body?: object | Buffer): Ask => ({
    method: 'POST',
    path,
    ...(body === undefined ? {} : { body }),
  });
  const get = (path: string, isCutOff = false): Ask => ({ method: 'GET', path, isCutOff });
  const remove = (path: string): Ask => ({ method: 'DELETE', path });
  const verbs = [
    ...['start', 'start', 'start', 'stop?t=0', 'restart?t=0', 'kill', 'pause', 'unpause', 'unpause'],
    ...['resize?h=10&w=10', `rename?name=${one(['c0', 'c1', 'c2', 'c3'])}`],
  ] as [string, ...string[]];
  const kinds: readonly [() => Ask, ...(() => Ask)[]] = [
    () => post(`/containers/create?name=${container}`, containerBody(options, volume, network)),
    () => post(`/containers/create?name=${container}`, containerBody(options, volume, network)),
    () => post(`/containers/${container}/${one(verbs)}`),
    () => post(`/containers/${container}/${one(verbs)}`),
    () => post(`/containers/${container}/${one(verbs)}`),
    () => remove(`/containers/${container}?force=${one([0, 1])}&v=${one([0, 1])}`),
    () => ({
      ...post(`/containers/${container}/wait?condition=${one(['not-running', 'next-exit', 'removed'])}`),
      isCutOff: true,
    }),
    () => get(`/containers/${container}/logs?stdout=1&follow=1`, true),
    () => get(`/containers/${container}/stats?stream=1`, true),
    () => get(`/containers/${container}/export`, one([true, false])),
    () => get(`/containers/${container}/archive?path=/etc`, one([true, false])),
    () => ({
      ...post(''),
      method: 'PUT',
      path: `/containers/${container}/archive?path=/tmp`,
      body: options.tar,
    }),
    () => get(`/containers/${container}/json`),
    () => get(`/containers/${container}/top`),
    () => get(`/containers/${container}/changes`),
    () => post(`/containers/${container}/attach?stream=1&stdout=1&stdin=1&logs=1`),
    () => post(`/containers/${container}/exec`, { AttachStdout: true, Cmd: ['echo', 'hello'] }),
    () => post(`/commit?container=${container}&repo=made&tag=${one([0, 1])}`),
    () => post(`/containers/prune`),
    () => post('/images/load?quiet=1', options.archive),
    () => ({
      ...post(`/images/create?fromImage=${options.pulled.name}&tag=${options.pulled.tag}`),
      isCutOff: one([true, false]),
    }),
    () => post('/images/loaded:1/tag?repo=loaded&tag=2'),
    () => remove(`/images/${one(['loaded:1', 'loaded:2', 'made:0', 'made:1'])}?force=${one([0, 1])}`),
    () => get(`/images/${one(['loaded:1', 'made:0'])}/get`, one([true, false])),
    () => post('/images/prune?filters={"dangling":["false"]}'),
    () => get('/images/json'),
    () => post('/volumes/create', { Name: volume }),
    () => remove(`/volumes/${volume}?force=${one([0, 1])}`),
    () => post('/volumes/prune?filters={"all":["true"]}'),
    () => post('/networks/create', { Name: network }),
    () => remove(`/networks/${network}`),
    () => post(`/networks/${network}/connect`, { Container: container }),
    () => post(`/networks/${network}/disconnect`, { Container: container, Force: one([true, false]) }),
    () => post('/networks/prune'),
    () => get('/containers/json?all=1&size=1'),
    () => get('/system/df'),
    () => get('/events', true),
  ];
  return one(kinds)();
}

function containerBody({ random, image }: SoupOptions, volume: string, network: string): object {
  const isOften = (): boolean => random() < 0.5;
  return {
    Image: isOften() ? image : 'loaded:1',
    Cmd: ['sh', '-c', isOften() ? 'i=0; while :; do echo line $i; i=$((i+1)); sleep 0.01; done' : 'exit 3'],
    OpenStdin: isOften(),
    ...(isOften()
      ? { Healthcheck: { Test: ['CMD', 'echo', 'well'], Interval: 50_000_000, Timeout: 1_000_000_000 } }
      : {}),
    ...(isOften() ? { Volumes: { '/anonymous': {} } } : {}),
    HostConfig: {
      NetworkMode: isOften() ? 'none' : network,
      ...(isOften() ? { Binds: [`${volume}:/mnt`] } : {}),
      ...(isOften()
        ? { AutoRemove: true }
        : { RestartPolicy: { Name: isOften() ? 'always' : 'on-failure' } }),
    },
  };
}

/** Opens a request whose answer nobody reads; disposing of it hangs up. */
export function stall(socket: string, path: string, isUpgrade: boolean): Disposable {
  const headers = isUpgrade ? { Connection: 'Upgrade', Upgrade: 'tcp' } : {};
  const sent = request({
    socketPath: socket,
    method: isUpgrade ? 'POST' : 'GET',
    path,
    agent: false,
    headers,
  });
  sent.on('error', () => undefined);
  sent.on('response', response => response.pause());
  sent.on('upgrade', (_response, connection) => {
    connection.on('error', () => undefined);
    connection.pause();
  });
  sent.end();
  return { [Symbol.dispose]: () => sent.destroy() };
}
