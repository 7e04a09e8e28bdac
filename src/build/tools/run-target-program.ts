import { execa } from 'execa';

const TIMEOUT_MS = 60_000;

/**
 * Runs a program of the image on the build host, whose architecture is the same, and returns what it
 * prints. Only for a program that must prove itself before it is kept; nothing of the host is given to it.
 */
export async function runTargetProgram(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await execa(program, args, {
    env: {},
    extendEnv: false,
    stdin: 'ignore',
    timeout: TIMEOUT_MS,
  });
  return stdout;
}
