import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { loaderPath } from '../../src/build/tools/toolbox.ts';
import { MULTIARCH, hostArch } from '../../src/shared/arch.ts';
import { quoteShellWord } from '../../src/shared/shell-word.ts';
import { type Ended, runWithInput } from './docker-client.ts';
import { unpackPackageSets } from './locked-tools.ts';

/** Docker's client and compose of Debian 13, and those of the Debian after it. */
export type ClientName = 'stable' | 'newer';

/** One client as it runs on this computer. */
export interface ClientPrograms {
  readonly docker: string;
  /** The same program as the plugin `docker compose`, started by itself. */
  readonly compose: string;
  /** HOME: a config.json in it says where the plugin is. */
  readonly home: string;
}

const WANT = ['docker-cli', 'docker-compose', 'libc6'];
const FORKY = [{ archive: 'debian', suite: 'forky' }] as const;

/** Folders with the clients' packages unpacked, a registry beside the stable ones: SLIPWAY_TEST_CLIENTS where it is set, else made in the store. */
export async function findClientRoots(): Promise<Readonly<Record<ClientName, string>>> {
  const given = process.env.SLIPWAY_TEST_CLIENTS?.split(':');
  const arch = hostArch(process.arch);
  if (!arch) throw new Error(`no packages for ${process.arch}`);
  const [stable = '', newer = ''] =
    given ??
    (await unpackPackageSets([
      { arch, set: { want: [...WANT, 'docker-registry'], omit: ['adduser'] } },
      { arch, set: { want: WANT, omit: [] }, suites: FORKY },
    ]));
  // For the same file inside a private machine.
  process.env.SLIPWAY_TEST_CLIENTS = `${stable}:${newer}`;
  return { stable, newer };
}

/** Makes the programs of `root` runnable, each through the loader it came with. */
export function clientPrograms(root: string, folder: string): ClientPrograms {
  const arch = hostArch(process.arch) ?? 'amd64';
  const home = join(folder, 'home');
  const plugins = join(folder, 'plugins');
  mkdirSync(join(home, '.docker'), { recursive: true });
  mkdirSync(plugins);
  const program = (file: string, path: string): string => {
    const command = `${join(root, loaderPath(arch))} --library-path ${join(root, 'usr/lib', MULTIARCH[arch])}`;
    writeFileSync(file, `#!/bin/sh\nexec ${command} ${join(root, path)} "$@"\n`, { mode: 0o755 });
    return file;
  };
  writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ cliPluginsExtraDirs: [plugins] }));
  return {
    docker: program(join(folder, 'docker'), 'usr/bin/docker'),
    compose: program(join(plugins, 'docker-compose'), 'usr/libexec/docker/cli-plugins/docker-compose'),
    home,
  };
}

/** A client at work on an engine. */
export interface RealClient {
  /** Variables that lead every program of this client, and what is built on them, to the engine. */
  readonly env: Readonly<Record<string, string>>;
  readonly docker: (...args: readonly string[]) => Promise<Ended>;
  /** What a command prints, which has to work. */
  readonly said: (...args: readonly string[]) => Promise<string>;
  /** `docker compose` in a folder of test/support/compose. */
  readonly compose: (project: string, ...args: readonly string[]) => Promise<Ended>;
  readonly composed: (project: string, ...args: readonly string[]) => Promise<string>;
  /** A command that does not end by itself; disposing of it is Ctrl-C. */
  readonly following: (...args: readonly string[]) => Following;
  readonly followingProject: (project: string, ...args: readonly string[]) => Following;
  /** A command of docker's on a terminal of 30 rows and 100 columns, at which somebody types. */
  readonly typed: (text: string, ...args: readonly string[]) => Promise<Ended>;
}

/** A program while it runs. */
export interface Following extends AsyncDisposable {
  readonly text: () => string;
}

/** @param more further variables of the client's environment */
export function openClient(
  { docker: program, compose: plugin, home }: ClientPrograms,
  host: string,
  more: Readonly<Record<string, string>> = {},
): RealClient {
  const env = {
    ...{ DOCKER_HOST: host, HOME: home, COMPOSE_ANSI: 'never', API_KEY: 'from the shell' },
    // Where testcontainers looks for compose.
    PATH: `${dirname(program)}:${dirname(plugin)}:${process.env.PATH ?? ''}`,
    ...more,
  };
  const docker = async (...args: readonly string[]): Promise<Ended> => {
    const { code, stdout, stderr } = await runWithInput(program, args, env);
    return { code, stdout: withoutErasing(stdout), stderr: withoutErasing(stderr) };
  };
  const inProject = (project: string, args: readonly string[]): string[] => [
    ...['compose', '--progress', 'quiet', '--project-directory', join(PROJECTS, project)],
    ...args,
  ];
  const compose = (project: string, ...args: readonly string[]): Promise<Ended> =>
    docker(...inProject(project, args));
  return {
    env,
    docker,
    said: async (...args) => outputOf(args, await docker(...args)),
    compose,
    composed: async (...args) => outputOf(args, await compose(...args)),
    following: (...args) => follow(program, args, env),
    followingProject: (project, ...args) => follow(program, inProject(project, args), env),
    typed(text, ...args) {
      const command = `stty rows 30 cols 100; exec ${[program, ...args].map(quoteShellWord).join(' ')}`;
      return runWithInput('script', ['-qec', command, '/dev/null'], env, typing(text));
    },
  };
}

function follow(program: string, args: readonly string[], env: Readonly<Record<string, string>>): Following {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  }
  const ended = once(child, 'close');
  return {
    text: () => withoutErasing(text),
    async [Symbol.asyncDispose]() {
      child.kill('SIGINT');
      // Some versions do not listen to it everywhere.
      const patience = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(patience);
    },
  };
}

const PROJECTS = join(import.meta.dirname, 'compose');

function outputOf(args: readonly string[], { code, stdout, stderr }: Ended): string {
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: exit code ${code}: ${stderr}${stdout}`);
  return stdout.trim();
}

const ERASE = new RegExp(`${String.fromCharCode(27)}\\[\\d*K`, 'g');

/** Compose erases lines also where there is no terminal. */
function withoutErasing(text: string): string {
  return text.replaceAll(ERASE, '');
}

/** Types when there has been time for a prompt; a terminal that is not raw yet keeps what is typed as well. */
function typing(text: string): Readable {
  return Readable.from(
    (async function* () {
      await delay(500);
      yield text;
    })(),
  );
}
