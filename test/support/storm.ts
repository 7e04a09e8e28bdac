import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { FrameParser } from '../../src/machine/engine-api/stdcopy.ts';
import type { ApiAnswer, ApiClient } from './api-client.ts';

/** How far the life of something has come, as far as an engine has acknowledged it. */
type Stage = 'asked' | 'created' | 'started' | 'removing' | 'gone';

/** What clients have been told, to be compared with what an engine knows in the end. */
export interface Ledger {
  /** Containers by name, with the exit code that each has to end with. */
  readonly containers: Map<string, { stage: Stage; code: number; restarts: number }>;
  readonly volumes: Map<string, Stage>;
  readonly networks: Map<string, Stage>;
  /** Names of images. */
  readonly images: Map<string, Stage>;
  /** What an engine said that it must not say. */
  readonly faults: string[];
  /** How much of what was asked has been done. */
  done: number;
}

export interface StormOptions {
  readonly api: ApiClient;
  readonly socket: string;
  readonly random: () => number;
  readonly image: string;
  /** An archive with an image `loaded:1`. */
  readonly archive: Buffer;
  /** Image in a registry. */
  readonly pulled: { readonly name: string; readonly tag: string };
  /** Resolves once there is an engine to be asked. */
  readonly ready: () => Promise<unknown>;
  readonly signal: AbortSignal;
}

const PAUSE_MS = 15;

export function newLedger(): Ledger {
  return {
    containers: new Map(),
    volumes: new Map(),
    networks: new Map(),
    images: new Map(),
    faults: [],
    done: 0,
  };
}

/** How far everything has come, by kind. */
export function stagesOf({ containers, volumes, networks, images }: Ledger): Record<string, Stage[]> {
  return {
    containers: [...containers.values()].map(({ stage }) => stage),
    volumes: [...volumes.values()],
    networks: [...networks.values()],
    images: [...images.values()],
  };
}

/** Numbers of lines `line N` that do not follow on the one before. */
export function jumps(lines: readonly string[]): string[] {
  const numbers = lines.map(line => Number(/^line (\d+)$/.exec(line)?.[1]));
  return lines.filter((_, index) => index > 0 && numbers[index] !== (numbers[index - 1] ?? 0) + 1);
}

/**
 * Asks an engine for everything at once, in several lanes, until abort; whatever becomes of the engine. There have to be
 * running containers `steady`, `cycle`, and `linked`, which is in a bridge network.
 */
export async function runStorm(options: StormOptions, ledger: Ledger): Promise<void> {
  const { signal } = options;
  const lane = async (step: (turn: number) => Promise<void>, pauseMs = 300): Promise<void> => {
    for (let turn = 0; !signal.aborted; turn += 1) {
      try {
        await step(turn);
        await sleep(options.random() * pauseMs);
      } catch {
        // The engine has been killed: the ledger says what it had promised.
        await options.ready();
      }
    }
  };
  const lanes = new Lanes(options, ledger);
  await Promise.all([
    lane(turn => lanes.short(`a${turn}`), 0),
    lane(turn => lanes.short(`b${turn}`), 0),
    lane(turn => lanes.failing(turn)),
    lane(() => lanes.cycle()),
    lane(() => lanes.exec()),
    lane(() => lanes.follow('counter')),
    lane(() => lanes.follow('steady')),
    lane(turn => lanes.network(turn)),
    lane(turn => lanes.volume(turn)),
    lane(turn => lanes.load(turn)),
    lane(turn => lanes.pull(turn)),
    lane(turn => lanes.commit(turn)),
  ]);
}

class Lanes {
  readonly #options: StormOptions;
  readonly #ledger: Ledger;
  /** Networks. */
  readonly #unfinished: string[] = [];

  constructor(options: StormOptions, ledger: Ledger) {
    this.#options = options;
    this.#ledger = ledger;
  }

  /** A container that ends by itself, and may be waited for and removed. */
  async short(name: string): Promise<void> {
    const code = Math.floor(this.#options.random() * 100) + 1;
    const known = { stage: 'asked' as Stage, code, restarts: 0 };
    this.#ledger.containers.set(name, known);
    await this.#create(name, { Cmd: ['sh', '-c', `exit ${code}`], Volumes: { '/mnt': {} } });
    known.stage = 'created';
    await this.#ask('POST', `/containers/${name}/start`, [204]);
    known.stage = 'started';
    if (this.#options.random() < 0.5) {
      const { text } = await this.#ask('POST', `/containers/${name}/wait`, [200]);
      const { StatusCode } = JSON.parse(text) as { readonly StatusCode: number };
      if (StatusCode !== code) this.#ledger.faults.push(`${name}: waited for ${code}, got ${StatusCode}`);
    }
    if (this.#options.random() < 0.7) return;
    known.stage = 'removing';
    await this.#ask('DELETE', `/containers/${name}?force=1&v=1`, [204, 404]);
    known.stage = 'gone';
  }

  /** One that fails, and is started again twice. */
  async failing(turn: number): Promise<void> {
    const name = `failing${turn}`;
    const known = { stage: 'asked' as Stage, code: 3, restarts: 2 };
    this.#ledger.containers.set(name, known);
    const policy = { Name: 'on-failure', MaximumRetryCount: 2 };
    await this.#create(name, { Cmd: ['sh', '-c', 'exit 3'], HostConfig: { RestartPolicy: policy } });
    known.stage = 'created';
    await this.#ask('POST', `/containers/${name}/start`, [204]);
    known.stage = 'started';
    await sleep(700);
  }

  /** One that is started, stopped and the rest of it, however it stands. */
  async cycle(): Promise<void> {
    const verbs = [
      'start',
      'stop?t=0',
      'restart?t=0',
      'pause',
      'unpause',
      'kill',
      'start',
      'rename?name=cycle',
    ];
    const verb = verbs[Math.floor(this.#options.random() * verbs.length)] ?? 'start';
    await this.#ask('POST', `/containers/cycle/${verb}`);
  }

  async exec(): Promise<void> {
    const { text } = await this.#ask('POST', '/containers/steady/exec', [201], {
      AttachStdout: true,
      Cmd: ['echo', 'hello'],
    });
    const { Id } = JSON.parse(text) as { readonly Id: string };
    await this.#ask('POST', `/exec/${Id}/start`, [200], { Detach: this.#options.random() < 0.3 });
  }

  /** Reads a log of numbered lines until the engine or the client has had enough. */
  async follow(name: string): Promise<void> {
    const text = await this.#read(
      `/containers/${name}/logs?stdout=1&follow=1&tail=20`,
      this.#options.random() * 400,
    );
    // The last line may be cut off.
    const lines = text.split('\n').slice(0, -1);
    this.#ledger.faults.push(...jumps(lines).map(line => `${name} jumps at "${line}"`));
  }

  /** A network that a running container comes into and leaves. There is room for some dozens only. */
  async network(turn: number): Promise<void> {
    const { networks } = this.#ledger;
    // What was cut off may have been done or not.
    for (const left of [...this.#unfinished]) {
      await this.#ask('POST', `/networks/${left}/disconnect`, undefined, {
        Container: 'linked',
        Force: true,
      });
      await this.#removeNetwork(left);
      this.#unfinished.splice(this.#unfinished.indexOf(left), 1);
    }
    const name = `net${turn}`;
    this.#unfinished.push(name);
    networks.set(name, 'asked');
    await this.#ask('POST', '/networks/create', [201], { Name: name, CheckDuplicate: true });
    networks.set(name, 'created');
    if (this.#options.random() < 0.7) {
      await this.#ask('POST', `/networks/${name}/connect`, [200], { Container: 'linked' });
      await this.#ask('POST', `/networks/${name}/disconnect`, [200], { Container: 'linked', Force: true });
    }
    if (turn % 30 !== 0) await this.#removeNetwork(name);
    this.#unfinished.splice(this.#unfinished.indexOf(name), 1);
  }

  async #removeNetwork(name: string): Promise<void> {
    this.#ledger.networks.set(name, 'removing');
    await this.#ask('DELETE', `/networks/${name}`, [204, 404]);
    this.#ledger.networks.set(name, 'gone');
  }

  async volume(turn: number): Promise<void> {
    const { volumes } = this.#ledger;
    const name = `vol${turn}`;
    volumes.set(name, 'asked');
    await this.#ask('POST', '/volumes/create', [201], { Name: name });
    volumes.set(name, 'created');
    await sleep(PAUSE_MS);
    if (this.#options.random() < 0.2) return;
    volumes.set(name, 'removing');
    await this.#ask('DELETE', `/volumes/${name}`, [204, 404]);
    volumes.set(name, 'gone');
  }

  async load(turn: number): Promise<void> {
    const { images } = this.#ledger;
    const { archive } = this.#options;
    await this.#succeeds(await this.#ask('POST', '/images/load?quiet=1', [200], archive));
    const name = `tagged:${turn}`;
    images.set(name, 'asked');
    const { status } = await this.#ask('POST', `/images/loaded:1/tag?repo=tagged&tag=${turn}`, [201, 404]);
    images.set(name, status === 201 ? 'created' : 'gone');
    await sleep(5 * PAUSE_MS);
    if (status !== 201 || this.#options.random() < 0.1) return;
    await this.#untag(name);
    await this.#ask('DELETE', '/images/loaded:1', [200, 404, 409]);
  }

  async pull(turn: number): Promise<void> {
    const { name, tag } = this.#options.pulled;
    const reference = `${name}:${tag}`;
    this.#ledger.images.set(reference, 'asked');
    await this.#succeeds(await this.#ask('POST', `/images/create?fromImage=${name}&tag=${tag}`, [200]));
    this.#ledger.images.set(reference, 'created');
    await sleep(5 * PAUSE_MS);
    if (turn % 4 === 0) await this.#untag(reference);
  }

  async commit(turn: number): Promise<void> {
    const name = `made:${turn}`;
    this.#ledger.images.set(name, 'asked');
    await this.#ask('POST', `/commit?container=linked&repo=made&tag=${turn}`, [201]);
    this.#ledger.images.set(name, 'created');
    await sleep(10 * PAUSE_MS);
    await this.#untag(name);
  }

  async #untag(name: string): Promise<void> {
    this.#ledger.images.set(name, 'removing');
    await this.#ask('DELETE', `/images/${name}`, [200, 404]);
    this.#ledger.images.set(name, 'gone');
  }

  async #create(name: string, change: object): Promise<void> {
    const { image } = this.#options;
    const HostConfig = { NetworkMode: 'none', ...(change as { HostConfig?: object }).HostConfig };
    await this.#ask('POST', `/containers/create?name=${name}`, [201], {
      Image: image,
      ...change,
      HostConfig,
    });
  }

  /** Any answer will do unless some are expected. */
  async #ask(
    method: string,
    path: string,
    expected?: readonly number[],
    body?: object | Buffer,
  ): Promise<ApiAnswer> {
    const answer = await this.#options.api(method, `/v1.45${path}`, body);
    if (
      expected?.includes(answer.status) === false ||
      (answer.status >= 500 && !answer.text.includes('is not paused'))
    ) {
      const fault = `${method} ${path}: ${answer.status} ${answer.text.trim()}`;
      this.#ledger.faults.push(fault);
      throw new Error(fault);
    }
    if (expected !== undefined) this.#ledger.done += 1;
    return answer;
  }

  /** A stream of progress says in itself whether it went well. */
  async #succeeds({ text }: ApiAnswer): Promise<void> {
    if (!text.includes('errorDetail')) return;
    this.#ledger.faults.push(text.slice(-500));
    throw new Error('failed');
  }

  /** What comes of a stream of frames until it ends, or for so long. */
  #read(path: string, patienceMs: number): Promise<string> {
    return new Promise(resolve => {
      let text = '';
      const parser = new FrameParser();
      const sent = request(
        { socketPath: this.#options.socket, path: `/v1.45${path}`, agent: false },
        response => {
          response.on('data', (chunk: Buffer) => {
            for (const { data } of parser.push(chunk)) text += data.toString();
          });
          response.on('error', () => undefined);
        },
      );
      sent.on('error', () => undefined);
      sent.on('close', () => resolve(text));
      sent.setTimeout(60_000, () => sent.destroy());
      setTimeout(() => sent.destroy(), patienceMs);
      sent.end();
    });
  }
}
