import { runProgram } from './run-program.ts';

const TIMEOUT_S = 5;

/** Whether a port accepts connections in the network namespace of a process. */
export async function probePort(busybox: string, pid: number, host: string, port: number): Promise<boolean> {
  // With a program to run once it is connected, nc does not wait for what a server says.
  return succeeds(busybox, pid, ['nc', '-w', String(TIMEOUT_S), host, String(port), '-e', busybox, 'true']);
}

/** Whether a URL answers with a status of success there; redirects are followed, certificates not checked. */
export async function probeUrl(busybox: string, pid: number, url: string): Promise<boolean> {
  const options = ['-q', '-T', String(TIMEOUT_S), '-O', '/dev/null', '--no-check-certificate'];
  return succeeds(busybox, pid, ['wget', ...options, url]);
}

/** Runs one of the machine's own programs there: the container need not have it. */
async function succeeds(busybox: string, pid: number, command: readonly string[]): Promise<boolean> {
  const argv = [busybox, 'nsenter', '-t', String(pid), '-n', busybox, ...command];
  const { exitCode } = await runProgram(argv, { timeoutMs: (TIMEOUT_S + 1) * 1000 });
  return exitCode === 0;
}
