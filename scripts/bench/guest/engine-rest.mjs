// What an engine costs while its containers sleep, and how long it is away when it is killed.
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { answers } from './engine-api.mjs';
import { IMAGE } from './engine-image.mjs';
import { anonKb, availableKb, findProcesses, pssKb, sleeps } from './engine-processes.mjs';

const SETTLE_MS = 20_000;
const WATCH_MS = 10_000;
const POLL_MS = 5;
const TIMEOUT_MS = 300_000;
const AT_ONCE = 2;
const SLEEPER = { Image: IMAGE, Cmd: ['sleep', '1000000'], HostConfig: { NetworkMode: 'none' } };

/** Adds sleeping containers to `ids` until there are as many. */
export async function fill(api, ids, many) {
  const worker = async () => {
    while (ids.length < many) {
      const place = ids.push(undefined) - 1;
      ids[place] = await api.create(SLEEPER);
      await api.start(ids[place]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

export async function empty(api, ids) {
  while (ids.length > 0) await api.remove(ids.pop());
}

function weigh(daemons, monitors) {
  return {
    daemonKb: anonKb(daemons),
    daemonPssKb: pssKb(daemons),
    monitorsKb: anonKb(monitors),
    monitorsPssKb: pssKb(monitors),
    monitors: monitors.length,
    availableKb: availableKb(),
  };
}

/** Both engines now, after a while of peace. */
export async function weighBoth() {
  await sleep(SETTLE_MS);
  const { ours, ourMonitors, docker, dockerMonitors } = findProcesses();
  return { ours: weigh(ours, ourMonitors), docker: weigh(docker, dockerMonitors) };
}

/** How often the processes of both engines are woken while nothing happens. */
export async function measureWakeUps() {
  await sleep(SETTLE_MS);
  const groups = Object.entries(findProcesses());
  const before = groups.map(([, pids]) => sleeps(pids));
  await sleep(WATCH_MS);
  return Object.fromEntries(groups.map(([name, pids], index) => [name, sleeps(pids) - before[index]]));
}

/** Milliseconds from the end of each daemon by force to its answer to a ping, in turn. */
export async function measureKill({ ours, docker, repeats }) {
  const figures = { ours: [], docker: [] };
  for (let time = 0; time < repeats; time++) {
    const supervisor = Number(readFileSync('/run/slipway/system-docker.pid', 'utf8'));
    figures.ours.push(await killed(supervisor, ours.socketPath));
    const daemon = findProcesses().docker.find(
      pid => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'dockerd',
    );
    figures.docker.push(await killed(daemon, docker.socketPath));
    // More than 5 deaths of system-docker in 10 seconds would be held for a fault.
    await sleep(WATCH_MS);
  }
  return figures;
}

async function killed(pid, socketPath) {
  const beganMs = performance.now();
  process.kill(pid, 'SIGKILL');
  await sleep(1); // the signal has to arrive before the question
  while (!(await answers(socketPath))) {
    if (performance.now() - beganMs > TIMEOUT_MS) throw new Error(`${socketPath}: no answer any more`);
    await sleep(POLL_MS);
  }
  return Math.round(performance.now() - beganMs);
}
