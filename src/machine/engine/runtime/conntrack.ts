import { writeFile } from 'node:fs/promises';
import { type RunProgramOptions, runProgram, runProgramOrThrow } from '../../host/run-program.ts';

const TIMEOUT_MS = 30_000;
/** Each costs a walk through the kernel's whole table; of more it is asked first which of them are in it. */
const FEW = 4;
/** Of the table's text; where it is longer, every port counts as being in it. */
const KEEP_BYTES = 1_048_576;

/**
 * Has the kernel forget where it sends UDP to these ports, of IPv4 and IPv6: it decides at the first packet of a flow,
 * and one that goes on would never meet rules that have changed since. Throws PROGRAM_FAILED, PROGRAM_TIMEOUT,
 * PROGRAM_NOT_STARTED.
 * @param program conntrack
 * @param file where what it has to do is written for it
 */
export async function forgetUdpFlows(program: string, ports: readonly number[], file: string): Promise<void> {
  const wanted = ports.length > FEW ? await listed(program, ports) : ports;
  if (wanted.length === 0) return;
  await writeFile(file, wanted.map(port => `-D -p udp --orig-port-dst ${port}\n`).join(''), { mode: 0o600 });
  await runProgramOrThrow([program, '--load-file', file], 'forgetting UDP flows', { timeoutMs: TIMEOUT_MS });
}

async function listed(program: string, ports: readonly number[]): Promise<readonly number[]> {
  const options: RunProgramOptions = { timeoutMs: TIMEOUT_MS, keepBytes: KEEP_BYTES };
  const { exitCode, stdout } = await runProgram([program, '-L', '-p', 'udp'], options);
  if (exitCode !== 0 || stdout.length >= KEEP_BYTES) return ports;
  const found = flowPorts(stdout);
  return ports.filter(port => found.has(port));
}

/** Ports that flows went to before any translation, from conntrack's list of them: the first of each line. */
export function flowPorts(list: string): Set<number> {
  return new Set([...list.matchAll(/^.*? dport=(\d+) /gm)].map(([, port]) => Number(port)));
}
