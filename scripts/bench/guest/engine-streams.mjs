// How fast a container can write its log, how fast that can be read, and how fast a layer comes in.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { clearInterval, setInterval } from 'node:timers';
import { prepareBare, runBare } from './engine-bare.mjs';
import { IMAGE, REGISTRY, pullFloor, pushLayer } from './engine-image.mjs';
import { anonKb, findProcesses } from './engine-processes.mjs';

/** In the folder that the machine and the service `peers` share. */
const LINES = '/run/peers/lines';
const LINE_BYTES = 100;
const SAMPLE_MS = 20;

/** Makes the file that containers write to their logs. */
export async function makeLines(bytes) {
  const file = createWriteStream(LINES);
  for (let made = 0, line = 0; made < bytes; line++) {
    const seed = createHash('sha256').update(String(line)).digest('hex');
    const block = `${seed.padEnd(LINE_BYTES - 1, '.')}\n`.repeat(1000);
    made += block.length;
    if (!file.write(block)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'close');
}

export const LINES_BIND = `${LINES}:/lines:ro`;
const CAT = ['cat', '/lines'];

/** Megabytes a second that a container writes, and that a reader then gets of its log. */
export async function measureLogs({ ours, docker, reference, runner, bytes }) {
  const mbPerS = (count, ms) => count / 1000 / ms;
  const result = {};
  const bare = await runBare(prepareBare(reference, CAT, { withLines: true }));
  result.bareWrite = mbPerS(bytes, bare.exitedMs - bare.startedMs);
  for (const [name, api] of Object.entries({ ours, docker })) {
    const id = await api.create({
      ...{ Image: IMAGE, Cmd: CAT },
      HostConfig: { NetworkMode: 'none', Binds: [LINES_BIND] },
    });
    await api.start(id);
    const beganMs = performance.now();
    await api.wait(id);
    result[`${name}Write`] = mbPerS(bytes, performance.now() - beganMs);
    const readMs = performance.now();
    let read = 0;
    for await (const piece of await api.open('GET', `/containers/${id}/logs?stdout=1`)) read += piece.length;
    result[`${name}Read`] = mbPerS(read, performance.now() - readMs);
    result[`${name}ReadMb`] = Math.round(read / 1e6);
    await api.remove(id);
  }
  const podman = (...words) => runner.run({ argv: ['podman', ...words] });
  const options = ['--name', 'lines', '--network', 'none', '--log-driver', 'k8s-file', '-v', LINES_BIND];
  // Its output goes to the log alone, as that of the others does.
  await podman('create', ...options, IMAGE, ...CAT);
  const beganMs = performance.now();
  await podman('start', 'lines');
  await podman('wait', 'lines');
  result.podmanWrite = mbPerS(bytes, performance.now() - beganMs);
  const read = await podman('logs', 'lines');
  result.podmanRead = mbPerS(read.bytes, read.ms);
  await podman('rm', '-f', 'lines');
  return result;
}

/** Pulls one layer from the registry on the loopback; megabytes are those of the layer unpacked. */
export async function measurePull({ ours, docker, runner, repeats, folder }) {
  const name = 'bench/layer';
  const { layerBytes, packedBytes, digest } = await pushLayer(folder, name);
  const image = `${REGISTRY}/${name}:1`;
  const mbPerS = ms => layerBytes / 1000 / ms;
  const figures = { floor: [], ours: [], docker: [], podman: [], growthMb: [] };
  for (let time = 0; time < repeats; time++) {
    figures.floor.push(mbPerS(await pullFloor(name, digest)));
    const memory = watchMemory();
    figures.ours.push(mbPerS(await pull(ours, image)));
    figures.growthMb.push(memory.growthMb());
    figures.docker.push(mbPerS(await pull(docker, image)));
    const { ms } = await runner.run({ argv: ['podman', 'pull', '-q', '--tls-verify=false', image] });
    figures.podman.push(mbPerS(ms));
    for (const api of [ours, docker]) await api.call('DELETE', `/images/${image}?force=1`);
    await runner.run({ argv: ['podman', 'rmi', '-f', image] });
  }
  return { ...figures, layerBytes, packedBytes };
}

async function pull(api, image) {
  const beganMs = performance.now();
  let text = '';
  const answer = await api.open('POST', `/images/create?fromImage=${encodeURIComponent(image)}`);
  for await (const piece of answer) text += piece;
  if (/"error"/.test(text)) throw new Error(`pull from ${api.socketPath}: ${text.slice(-500)}`);
  return performance.now() - beganMs;
}

/** Watches system-docker's own memory; the answer is what it has grown by at most. */
function watchMemory() {
  const { ours } = findProcesses();
  const before = anonKb(ours);
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, anonKb(ours))), SAMPLE_MS);
  return {
    growthMb() {
      clearInterval(timer);
      return ((Math.max(most, anonKb(ours)) - before) * 1024) / 1e6;
    },
  };
}
