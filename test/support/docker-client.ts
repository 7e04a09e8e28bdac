import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Docker's own client against an engine. */
export type DockerClient = (...args: readonly string[]) => Promise<Ended>;

/** @param home where the client keeps its logins */
export function dockerClient(program: string, socket: string, home: string): DockerClient {
  return (...args) => runWithInput(program, args, { DOCKER_HOST: `unix://${socket}`, HOME: home });
}

/** Runs a program to its end; what it says is kept. */
export function runWithInput(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  input?: Readable,
): Promise<Ended> {
  return new Promise(resolve => {
    const child = spawn(program, args, { env: { ...process.env, ...env } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('close', code => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => undefined);
    if (input === undefined) child.stdin.end();
    else input.pipe(child.stdin);
  });
}
