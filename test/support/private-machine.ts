import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { findEngineRoot } from './engine-root.ts';

/** Where a test of the engine runs, and the programs it has there. */
export interface EngineTest {
  /** A tmpfs of the test's own, gone when it ends. */
  readonly folder: string;
  readonly engineRoot: string;
}

/**
 * What a test of the engine begins with, before anything else is loaded: the rest of the file runs once, in a private
 * machine with a folder of its own. The folder and the programs are found before, where the user's home is.
 * @param name in a word, for the folder's name
 */
export async function enterEngineTest(
  testFile: string,
  name: string,
  options: { readonly network?: boolean } = {},
): Promise<EngineTest> {
  const folder = (process.env.SLIPWAY_TEST_FOLDER ??= mkdtempSync(`/tmp/slipway-${name}-`));
  const engineRoot = (process.env.SLIPWAY_TEST_ENGINE = await findEngineRoot());
  enterPrivateMachine(testFile, folder, options);
  return { folder, engineRoot };
}

/**
 * Makes the rest of the test file run in a mount namespace of its own, with cgroup v2 alone over
 * /sys/fs/cgroup and a tmpfs at `runRoot`, as on a booted machine. The first call starts the file again
 * inside, removes `runRoot` and ends this process with its result. Needs root.
 * @param options.network also in a network namespace of its own
 */
export function enterPrivateMachine(
  testFile: string,
  runRoot: string,
  options: { readonly network?: boolean } = {},
): void {
  if (process.env.SLIPWAY_TEST_INSIDE === '1') return;
  mkdirSync(runRoot, { recursive: true });
  const script = [
    'set -e',
    'mount --make-rprivate /',
    // What /sys shows of the network is that of whoever mounted it.
    ...(options.network === true ? ['mount -t sysfs sysfs /sys'] : []),
    'if ! mount | grep -q "^[^ ]* on /sys/fs/cgroup type cgroup2"; then umount -R /sys/fs/cgroup 2>/dev/null || true; mount -t cgroup2 none /sys/fs/cgroup; fi',
    'mount -t tmpfs -o mode=755 tmpfs "$1"',
    'shift',
    'exec "$@"',
  ].join('\n');
  const result = spawnSync(
    'unshare',
    [
      options.network === true ? '-mn' : '-m',
      'sh',
      '-c',
      script,
      'sh',
      runRoot,
      process.execPath,
      ...process.execArgv,
      testFile,
    ],
    { stdio: 'inherit', env: { ...process.env, SLIPWAY_TEST_INSIDE: '1' } },
  );
  rmSync(runRoot, { recursive: true, force: true });
  process.exit(result.status ?? 1);
}
