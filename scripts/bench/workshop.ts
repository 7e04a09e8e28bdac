/** Where the measured Slipway stands: an installed copy and a store of its own, so that nothing else changes either. */
import { spawn } from 'node:child_process';
import { copyFile, cp, link, mkdir, readFile, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';

export interface Workshop {
  /** Folder for everything that is made; removed at the end. */
  readonly scratch: string;
  /** Slipway as it is installed from its package: no sources. */
  readonly packageRoot: string;
  readonly store: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

const COMMAND_TIMEOUT_MS = 20 * 60_000;
/** Results of the store that only hold what was fetched, unpacked. */
const UNPACKED = /^(deb|debian-index|layer|tools)-/;

/**
 * Copies what `package.json` ships from `root` and the user's store, by links where the disk allows.
 * Throws what the disk throws.
 */
export async function openWorkshop(
  root: string,
  userStore: string,
  options: Omit<Workshop, 'packageRoot' | 'store' | 'environment'>,
): Promise<Workshop> {
  const packageRoot = join(options.scratch, 'slipway');
  const store = join(options.scratch, 'store');
  const description = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { files: string[] };
  await mkdir(packageRoot);
  for (const name of [...description.files, 'package.json']) {
    await cp(join(root, name), join(packageRoot, name), { recursive: true });
  }
  await symlink(join(root, 'node_modules'), join(packageRoot, 'node_modules'));
  await mkdir(store);
  for (const part of ['blobs', 'results', 'acceleration']) {
    await linkTree(join(userStore, part), join(store, part));
  }
  return {
    ...options,
    packageRoot,
    store,
    environment: { ...process.env, SLIPWAY_STORE: store, CI: '1' },
  };
}

/** Runs the copy's `slipway` to its end; with an exit code other than 0 throws its messages. */
export function runSlipway(workshop: Workshop, args: readonly string[]): Promise<Finished> {
  return runCommand(workshop, join(workshop.packageRoot, 'bin/slipway'), args);
}

/** Runs a program to its end and takes the time. Throws its messages with an exit code other than 0. */
export async function runCommand(
  { scratch, environment, signal }: Workshop,
  file: string,
  args: readonly string[],
): Promise<Finished> {
  const startedMs = performance.now();
  const child = spawn(file, args, {
    cwd: scratch,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(COMMAND_TIMEOUT_MS)]),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const seconds = (performance.now() - startedMs) / 1000;
  if (exitCode !== 0) throw new Error(`${file} ${args.join(' ')}: exit code ${exitCode}\n${stderr}`);
  return { stdout, stderr, seconds };
}

/** Removes what builds have made out of packages and images, so that the next build makes it again. */
export async function forgetMade(store: string): Promise<void> {
  for (const name of await readdir(join(store, 'results')).catch(() => [])) {
    if (!UNPACKED.test(name)) await rm(join(store, 'results', name), { recursive: true });
  }
}

/** The same files under another name; files of a store are never written to again. */
async function linkTree(from: string, to: string): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true }).catch(() => []);
  await mkdir(to, { recursive: true });
  for (const entry of entries) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else await link(source, target).catch(() => copyFile(source, target));
  }
}
