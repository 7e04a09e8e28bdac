import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { callerEnvironment } from '../../../src/machine/cli/main.ts';
import { machineRuntime } from '../../support/machine-runtime.ts';

/** init/run-node with a loader that tells its environment. */
function start(
  program: string,
  env: Readonly<Record<string, string>>,
): Readonly<Record<string, string | undefined>> {
  const folder = t.testdir({ runtime: { lib: { 'ld-linux-test': '' } } });
  const loader = join(folder, 'runtime/lib/ld-linux-test');
  writeFileSync(loader, `#!/bin/sh\nexec ${process.execPath} -p 'JSON.stringify(process.env)'\n`);
  chmodSync(loader, 0o755);
  const script = readFileSync(join(import.meta.dirname, '../../../init/run-node'), 'utf8');
  const copy = join(folder, 'run-node');
  writeFileSync(copy, script.replace('here=/usr/lib/slipway', `here=${folder}`));
  const { stdout, stderr } = spawnSync('sh', [copy, program, 'ps'], { env, encoding: 'utf8' });
  t.equal(stderr, '');
  return JSON.parse(stdout) as Record<string, string>;
}

const CALLER = { PATH: '/usr/bin:/bin', NODE_OPTIONS: '--inspect', DOCKER_HOST: 'unix:///x', TWO: 'a\nb c' };

t.test("the caller's environment reaches the command line, not the runtime", async t => {
  const env = start('system-docker', CALLER);
  t.equal(env.NODE_OPTIONS, undefined);
  t.match(callerEnvironment(env), { DOCKER_HOST: 'unix:///x', NODE_OPTIONS: '--inspect', TWO: 'a\nb c' });
});

t.test('the daemon gets nothing of it', async t => {
  const env = start('daemon', CALLER);
  t.equal(env.SLIPWAY_CALLER, '');
  t.equal(env.NODE_OPTIONS, undefined);
});

t.test('the pinned Node takes the flags, and can collect garbage when it is quiet', async t => {
  const { flags, env } = machineRuntime();
  const script = 'process.stdout.write(typeof gc)';
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', script], { env, encoding: 'utf8' });
  t.equal(stdout, 'function');
  t.equal(stderr, '');
});

t.test('an environment that is too large is left out', async t => {
  const env = start('system-docker', { ...CALLER, LARGE: 'x'.repeat(110_000) });
  t.equal(env.SLIPWAY_CALLER, '');
});
