import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';

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
