import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineConfig } from '../../src/machine/engine/engine-config.ts';
import { type Log, createLog } from '../../src/machine/log.ts';
import { type TestPrograms, cleanUp, testPrograms } from './engine.ts';
import { makeFilesStore } from './files-store.ts';

/** How a program ended, and what it wrote; standard output one character a byte. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the tests of containers' files share: programs, an image store, engines' configurations. */
export interface FilesBench {
  readonly programs: TestPrograms;
  readonly log: Log;
  /** For an engine of its own, with folders of this name. */
  readonly configFor: (name: string) => Omit<EngineConfig, 'log'> & { readonly stateRoot: string };
  /** Runs a program to its end; Docker's client finds the engine at `socket`. */
  readonly run: (program: string, args: readonly string[], socket: string) => Promise<Ended>;
  /** Takes away what was left. */
  readonly cleanUp: () => void;
}

/** @param folder of the test alone, on a tmpfs */
export async function openFilesBench(engineRoot: string, folder: string): Promise<FilesBench> {
  const programs = testPrograms(engineRoot, join(folder, 'bin'));
  const store = await makeFilesStore(join(folder, 'store'), programs.engine.busybox);
  const group = `/slipway-files-${process.pid}`;
  const root = '/sys/fs/cgroup';
  return {
    programs,
    log: createLog({
      component: 'test',
      level: 'debug',
      write: line => process.env.SLIPWAY_TEST_LOG === '1' && process.stderr.write(line),
    }),
    configFor: name => ({
      runRoot: join(folder, name),
      stateRoot: join(folder, `${name}-state`),
      imageStores: [store],
      programs: programs.engine,
      cgroups: {
        root,
        monitors: `${group}/monitors`,
        services: `${group}/services`,
        user: `${group}/user`,
        limits: false,
      },
      version: '0.1.0-test',
    }),
    run: (program, args, socket) =>
      new Promise(resolve => {
        const child = spawn(program, args, {
          env: { ...process.env, DOCKER_HOST: `unix://${socket}`, HOME: folder },
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let stdout = '';
        let stderr = '';
        child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('latin1')));
        child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
        child.on('close', code => resolve({ code, stdout, stderr }));
      }),
    cleanUp: () => cleanUp(folder, join(root, group)),
  };
}

/** What is mounted below a folder, but for what an engine keeps for exit codes. */
export function mountsBelow(path: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => line.split(' ')[4] ?? '')
    .filter(point => point.startsWith(`${path}/`) && point !== join(path, 'exits'));
}
