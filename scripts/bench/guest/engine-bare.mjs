// conmon and crun without an engine: the bundle that system-docker has made for a container, started by hand.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

const ROOT = '/run/bench-work/bare';
const CRUN = ['--root=/run/bench-work/crun', '--cgroup-manager=cgroupfs'];
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
let count = 0;

/**
 * Prepares a container with the bundle of one that runs; its root and mounts are that one's.
 * @param reference id of the container
 */
export function prepareBare(reference, args, { withLines = false } = {}) {
  const id = `bare${count++}`;
  const bundle = `${ROOT}/${id}`;
  for (const folder of [`${bundle}/exit`, `${bundle}/persist`]) mkdirSync(folder, { recursive: true });
  const file = `/run/system-docker/containers/${reference}/bundle/config.json`;
  const spec = JSON.parse(readFileSync(file, 'utf8'));
  spec.process.args = args;
  spec.linux.cgroupsPath = `/user/${id}`;
  spec.mounts = spec.mounts.filter(({ destination }) => withLines || destination !== '/lines');
  writeFileSync(`${bundle}/config.json`, JSON.stringify(spec));
  return { id, bundle };
}

/** Creates, starts, awaits and deletes it; milliseconds until each was done. */
export async function runBare({ id, bundle }) {
  const beganMs = performance.now();
  const exited = firstFile(`${bundle}/exit`);
  const monitor = spawn(
    '/usr/bin/conmon',
    [
      ...['--api-version', '1', '--cid', id, '--cuuid', id, '--name', id, '--runtime', '/usr/bin/crun'],
      ...CRUN.flatMap(word => ['--runtime-arg', word]),
      ...[
        '--bundle',
        bundle,
        '--container-pidfile',
        `${bundle}/pid`,
        '--conmon-pidfile',
        `${bundle}/monitor`,
      ],
      ...['--exit-dir', `${bundle}/exit`, '--persist-dir', `${bundle}/persist`],
      ...['--log-path', `k8s-file:${bundle}/log`, '--log-level', 'error', '--full-attach'],
    ],
    { stdio: ['ignore', 'ignore', 'inherit', 'pipe'], env: { ...ENVIRONMENT, _OCI_SYNCPIPE: '3' } },
  );
  const answer = await new Promise((resolve, reject) => {
    monitor.once('error', reject);
    monitor.stdio[3].once('data', bytes => resolve(String(bytes)));
  });
  monitor.stdio[3].destroy();
  if (!(JSON.parse(answer).data > 0)) throw new Error(`conmon: ${answer}`);
  await crun('start', id);
  const startedMs = performance.now() - beganMs;
  await exited;
  const exitedMs = performance.now() - beganMs;
  await crun('delete', '--force', id);
  const removedMs = performance.now() - beganMs;
  rmSync(bundle, { recursive: true });
  return { startedMs, exitedMs, removedMs };
}

function crun(...words) {
  return new Promise((resolve, reject) => {
    const child = spawn('/usr/bin/crun', [...CRUN, ...words], { stdio: 'ignore', env: ENVIRONMENT });
    child.once('error', reject);
    child.once('close', code => {
      if (code === 0) resolve();
      else reject(new Error(`crun ${words.join(' ')}: exit code ${code}`));
    });
  });
}

function firstFile(folder) {
  return new Promise(resolve => {
    const watcher = watch(folder, () => {
      watcher.close();
      resolve();
    });
  });
}
