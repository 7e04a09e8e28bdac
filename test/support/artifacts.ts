import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BootMedium } from '../../src/build/vm/hardware.ts';

const SLIPWAY = join(import.meta.dirname, '../../bin/slipway');

export interface ProgramResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `slipway` as a user does. */
export async function slipway(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<ProgramResult> {
  return run(SLIPWAY, args, options);
}

/** Runs a program to its end and keeps what it prints. */
export async function run(
  program: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly input?: string;
  } = {},
): Promise<ProgramResult> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.end(options.input);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (stderr += data.toString()));
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { exitCode, stdout, stderr };
}

/** Artifacts by kind: `iso`, `kernel`, `initrd`, `cmdline`. */
export type Artifacts = Readonly<Record<string, string>>;

/** Kernel and initrd to boot from, as the artifacts of `kernel+initrd` have them. @param words added to the kernel line */
export async function kernelMedium(artifacts: Artifacts, words = ''): Promise<BootMedium> {
  const { kernel = '', initrd = '', cmdline = '' } = artifacts;
  const line = (await readFile(cmdline, 'utf8')).trim();
  return { kind: 'kernel', kernel, initrd, commandLine: `${line} ${words}`.trim() };
}

/**
 * Builds a manifest with the real program; throws with its messages if that fails. `folder` gets the
 * manifest (as slipway.yml), its lock and the artifacts.
 */
export async function buildArtifacts(
  folder: string,
  manifest: string,
  options: {
    readonly formats?: readonly string[];
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Artifacts> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'slipway.yml'), manifest);
  const formats = (options.formats ?? ['iso']).join(',');
  const args = [
    'build',
    'slipway.yml',
    '--json',
    '--format',
    formats,
    '--output',
    folder,
    ...(options.args ?? []),
  ];
  const { exitCode, stdout, stderr } = await slipway(args, {
    cwd: folder,
    ...(options.env ? { env: options.env } : {}),
  });
  if (exitCode !== 0) throw new Error(`slipway ${args.join(' ')} ended with ${exitCode}:\n${stderr}`);
  const { artifacts } = JSON.parse(stdout) as { artifacts: { kind: string; path: string }[] };
  return Object.fromEntries(artifacts.map(({ kind, path }) => [kind, path]));
}
