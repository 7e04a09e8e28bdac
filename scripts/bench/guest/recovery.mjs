// Kills services and system-docker and takes the time until they are back. Prints one line of JSON.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const DOCKER = '/run/system-docker.sock';
const POLL_MS = 5;
const TIMEOUT_MS = 120_000;
const VICTIMS = ['ntp', 'syslog', 'udev'];
const [, , loader] = process.argv;

function get(socketPath, path) {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, agent: false, timeout: 5000 }, response => {
      let text = '';
      response
        .on('data', piece => (text += piece))
        .on('end', () => resolve({ status: response.statusCode, text }));
      response.on('error', reject);
    });
    call
      .on('error', reject)
      .on('timeout', () => call.destroy(new Error('no answer')))
      .end();
  });
}

/** Milliseconds from `sinceMs` until `isDone` says so. */
async function until(sinceMs, isDone) {
  for (;;) {
    if (await isDone().catch(() => false)) return performance.now() - sinceMs;
    if (performance.now() - sinceMs > TIMEOUT_MS) throw new Error(`not seen in ${TIMEOUT_MS} ms: ${isDone}`);
    await sleep(POLL_MS);
  }
}

const answers = socket => async () => (await get(socket, '/_ping')).status === 200;
const inspect = async name => JSON.parse((await get(DOCKER, `/containers/${name}/json`)).text);

/** A service's main process dies; it runs again under another pid. */
async function crashService(name) {
  const before = (await inspect(name)).State.Pid;
  const startedMs = performance.now();
  process.kill(before, 'SIGKILL');
  return until(startedMs, async () => {
    const { Running, Pid } = (await inspect(name)).State;
    return Running && Pid > 0 && Pid !== before;
  });
}

async function killSupervisor() {
  const pid = Number(readFileSync('/run/slipway/system-docker.pid', 'utf8'));
  const startedMs = performance.now();
  process.kill(pid, 'SIGKILL');
  await sleep(1); // the signal has to arrive before the question
  return until(startedMs, answers(DOCKER));
}

/** The node floor, started again in this same machine: its files are in the page cache, as system-docker's are. */
async function startNodeFloor() {
  const socket = '/run/bench/warm.sock';
  const runtime = '/usr/lib/slipway/runtime';
  const startedMs = performance.now();
  const child = spawn(
    loader,
    [
      '--library-path',
      `${runtime}/lib`,
      `${runtime}/node`,
      '--disable-sigusr1',
      '/run/bench/node-floor.mjs',
      socket,
    ],
    { env: {}, stdio: 'ignore' },
  );
  const tookMs = await until(startedMs, answers(socket));
  child.kill('SIGKILL');
  rmSync(socket, { force: true });
  return tookMs;
}

function run(file, args, stdio = 'ignore', env = {}) {
  const child = spawn(file, args, { stdio, env: { PATH: process.env.PATH, ...env } });
  const ended = new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  return { child, ended };
}

/** conmon and crun alone on the bundle of a service that runs: what a start costs without a supervisor. */
async function bareStart(name) {
  const { Id } = await inspect(name);
  const bundle = '/run/bench/bare';
  const id = 'bench-bare';
  rmSync(bundle, { recursive: true, force: true });
  for (const folder of [bundle, `${bundle}/exit`]) mkdirSync(folder);
  const spec = JSON.parse(readFileSync(`/run/system-docker/containers/${Id}/bundle/config.json`, 'utf8'));
  spec.linux.cgroupsPath = '/slipway/services/bench-bare';
  // A second one of the service may end at once, its port being taken; the start is what is timed.
  writeFileSync(`${bundle}/config.json`, JSON.stringify(spec));
  const crun = ['--root=/run/bench/crun', '--cgroup-manager=cgroupfs'];
  const startedMs = performance.now();
  const { child } = run(
    '/usr/bin/conmon',
    [
      ...['--api-version', '1', '--cid', id, '--cuuid', id, '--name', id, '--runtime', '/usr/bin/crun'],
      ...crun.flatMap(word => ['--runtime-arg', word]),
      ...[
        '--bundle',
        bundle,
        '--container-pidfile',
        `${bundle}/pid`,
        '--conmon-pidfile',
        `${bundle}/monitor`,
      ],
      ...['--exit-dir', `${bundle}/exit`, '--log-path', `k8s-file:${bundle}/log`, '--full-attach'],
    ],
    ['ignore', 'ignore', 'inherit', 'pipe'],
    { _OCI_SYNCPIPE: '3' },
  );
  const answer = await new Promise(resolve => child.stdio[3].once('data', bytes => resolve(String(bytes))));
  child.stdio[3].destroy();
  const { data, message } = JSON.parse(answer);
  if (!(data > 0)) throw new Error(`conmon: ${message}`);
  const code = await run('/usr/bin/crun', [...crun, 'start', id]).ended;
  const tookMs = performance.now() - startedMs;
  if (code !== 0) throw new Error(`crun start: exit code ${code}`);
  await run('/usr/bin/crun', [...crun, 'delete', '--force', id]).ended;
  return tookMs;
}

async function measure() {
  const result = { crashMs: [], bareMs: [], killMs: [], nodeFloorMs: [] };
  for (const name of VICTIMS) {
    result.bareMs.push(await bareStart(name));
    // Each service once: from the second crash on, waiting longer is on purpose.
    result.crashMs.push(await crashService(name));
    await sleep(2000);
  }
  for (let time = 0; time < 3; time++) {
    result.nodeFloorMs.push(await startNodeFloor());
    result.killMs.push(await killSupervisor());
    // More than 5 deaths in 10 seconds would be held for a fault.
    await sleep(6000);
  }
  return result;
}

try {
  process.stdout.write(`[recovery] ${JSON.stringify(await measure())} end\n`);
} catch (error) {
  process.stdout.write(`[recovery] failed: ${error} end\n`);
}
