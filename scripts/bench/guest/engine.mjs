// Measures system-docker beside bare conmon and crun, Docker Engine and podman, in one machine. Prints a line of JSON
// for each part; a part that fails says why and does not keep the next ones.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { answers, openApi } from './engine-api.mjs';
import { IMAGE, REFERENCE_IMAGE, makeArchive } from './engine-image.mjs';
import { empty, fill, measureKill, measureWakeUps, weighBoth } from './engine-rest.mjs';
import { measureRate, measureStart } from './engine-start.mjs';
import { LINES_BIND, makeLines, measureLogs, measurePull } from './engine-streams.mjs';

const [, , loader] = process.argv;
const FOLDER = '/run/bench-work';
const DOCKER = '/run/peers/docker.sock';
/** As it is reached from the mount namespace of the service `peers` too. */
const OURS = '/proc/1/root/run/system-docker.sock';
const DOCKER_TIMEOUT_MS = 300_000;
const LOG_BYTES = 30_000_000;
const BESIDE_A_KILL = 5;

const word = (name, otherwise) =>
  Number(new RegExp(`bench\\.${name}=(\\d+)`).exec(readFileSync('/proc/cmdline', 'utf8'))?.[1] ?? otherwise);
const repeats = word('repeats', 9);
const most = word('containers', 200);
const say = line => process.stdout.write(`[engine] ${line}\n`);

/** Starts a program in the mount namespace of the service `peers`. */
function spawnInPeers(pid, argv, stdin, stdout) {
  return spawn('/usr/bin/busybox', ['nsenter', '-t', String(pid), '-m', ...argv], {
    stdio: [stdin, stdout, 'inherit'],
    env: {},
  });
}

/** A process in the service `peers` that runs commands there. */
function openRunner(pid) {
  const runtime = '/usr/lib/slipway/runtime';
  const program = [loader, '--library-path', `${runtime}/lib`, `${runtime}/node`];
  const child = spawnInPeers(pid, [...program, '/run/bench/engine-runner.mjs'], 'pipe', 'pipe');
  const waiting = new Map();
  let count = 0;
  createInterface({ input: child.stdout }).on('line', line => {
    const { id, ...ended } = JSON.parse(line);
    waiting.get(id)?.(ended);
    waiting.delete(id);
  });
  return {
    /** Runs a command, which has to exit with 0. */
    run(command) {
      const id = count++;
      return new Promise((resolve, reject) => {
        waiting.set(id, ended => {
          if (ended.code === 0) resolve(ended);
          else reject(new Error(`${command.argv.join(' ')}: exit code ${ended.code}: ${ended.said}`));
        });
        child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
      });
    },
    close: () => child.stdin.end(),
  };
}

async function part(name, measure) {
  try {
    const result = await measure();
    process.stdout.write(`[engine-result] ${JSON.stringify({ name, result })} end\n`);
  } catch (error) {
    process.stdout.write(`[engine-result] ${JSON.stringify({ name, error: String(error) })} end\n`);
  }
}

async function prepare() {
  mkdirSync(FOLDER);
  const ours = openApi(OURS);
  const docker = openApi(DOCKER);
  say('starting Docker Engine');
  const peers = (await ours.inspect('peers')).State.Pid;
  spawnInPeers(peers, ['/bin/sh', '/run/bench/engine-peers.sh'], 'ignore', 'ignore');
  for (let waitedMs = 0; !(await answers(DOCKER)); waitedMs += 200) {
    if (waitedMs > DOCKER_TIMEOUT_MS) throw new Error('dockerd does not answer');
    await sleep(200);
  }
  const runner = openRunner(peers);
  const archive = makeArchive(`${FOLDER}/image`, IMAGE);
  const reference = makeArchive(`${FOLDER}/reference`, REFERENCE_IMAGE);
  await ours.call('POST', '/images/load?quiet=1', readFileSync(reference));
  for (const api of [ours, docker]) await api.call('POST', '/images/load?quiet=1', readFileSync(archive));
  await runner.run({ argv: ['podman', 'load', '-q', '-i', `/proc/1/root${archive}`] });
  await makeLines(LOG_BYTES);
  return { ours, docker, runner };
}

/** Memory with 0, 20 and `most` containers; one engine's at a time, so that both fit. */
async function measureMemory({ ours, docker }) {
  const [ourIds, dockerIds] = [[], []];
  say('memory with no container');
  const result = { none: await weighBoth() };
  say('memory with 20 containers');
  await fill(ours, ourIds, 20);
  const ourAvailable = (await weighBoth()).ours;
  await fill(docker, dockerIds, 20);
  result.some = { ours: ourAvailable, docker: (await weighBoth()).docker };
  await part('wakeUps', measureWakeUps);
  await empty(docker, dockerIds);
  say(`memory with ${most} containers of system-docker`);
  const before = (await weighBoth()).ours.availableKb;
  await fill(ours, ourIds, most);
  const ourMany = (await weighBoth()).ours;
  await empty(ours, ourIds);
  say(`memory with ${most} containers of Docker Engine`);
  const dockerBefore = (await weighBoth()).docker.availableKb;
  await fill(docker, dockerIds, most);
  const dockerMany = (await weighBoth()).docker;
  await empty(docker, dockerIds);
  const added = (from, count, { availableKb }) => Math.round((from - availableKb) / count);
  return {
    ...result,
    many: { ours: ourMany, docker: dockerMany, containers: most },
    machineKb: { ours: added(before, most - 20, ourMany), docker: added(dockerBefore, most, dockerMany) },
  };
}

async function measure() {
  const engines = await prepare();
  const { ours, docker, runner } = engines;
  await part('memory', () => measureMemory(engines));
  // Its bundle is what conmon and crun are given without an engine.
  const reference = await ours.create({
    ...{ Image: REFERENCE_IMAGE, Cmd: ['sleep', '1000000'] },
    HostConfig: { NetworkMode: 'none', Binds: [LINES_BIND] },
  });
  await ours.start(reference);
  const common = { ours, docker, runner, reference, repeats, say };
  await part('start', () => measureStart(common));
  await part('rate', () => measureRate(common));
  await part('logs', () => measureLogs({ ...common, bytes: LOG_BYTES }));
  await part('pull', () => measurePull({ ...common, repeats: Math.min(3, repeats), folder: FOLDER }));
  await part('kill', async () => {
    const [ourIds, dockerIds] = [[], []];
    await fill(ours, ourIds, BESIDE_A_KILL);
    await fill(docker, dockerIds, BESIDE_A_KILL);
    return measureKill({ ours, docker, repeats: Math.min(3, repeats) });
  });
  runner.close();
}

await part('whole', measure);
process.exit(0);
