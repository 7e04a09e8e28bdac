// From start to exit of a container that does nothing: through each engine's API, through command lines, and bare.
import { performance } from 'node:perf_hooks';
import { prepareBare, runBare } from './engine-bare.mjs';
import { IMAGE } from './engine-image.mjs';

const AT_ONCE = 8;
const MANY = 48;
const QUIET = { Image: IMAGE, Cmd: ['true'], HostConfig: { NetworkMode: 'none' } };

/** Milliseconds until a container is started, has exited, and is removed. */
async function runByApi(api) {
  const beganMs = performance.now();
  const id = await api.create(QUIET);
  await api.start(id);
  const startedMs = performance.now() - beganMs;
  await api.wait(id);
  const exitedMs = performance.now() - beganMs;
  await api.remove(id);
  return { startedMs, exitedMs, removedMs: performance.now() - beganMs };
}

/** Command lines that do the same, by the name of the figure. */
function commandLines({ ours, docker }) {
  const client = api => ({ DOCKER_HOST: `unix://${api.socketPath}` });
  const lines = {};
  for (const [suffix, options] of [
    ['', []],
    ['Alone', ['--network', 'none']],
  ]) {
    const words = ['run', '--rm', ...options, IMAGE, 'true'];
    lines[`dockerToOurs${suffix}`] = { argv: ['docker', ...words], env: client(ours) };
    lines[`dockerToDocker${suffix}`] = { argv: ['docker', ...words], env: client(docker) };
    lines[`systemDocker${suffix}`] = { argv: ['system-docker', ...words], env: client(ours) };
    lines[`podman${suffix}`] = { argv: ['podman', ...words] };
  }
  return lines;
}

/** Each way in turn, `repeats` times after one that does not count. */
export async function measureStart({ ours, docker, reference, runner, repeats, say }) {
  const figures = {};
  const note = (name, figure) => (figures[name] ??= []).push(Math.round(figure * 10) / 10);
  const lines = commandLines({ ours, docker });
  for (let time = 0; time <= repeats; time++) {
    say(`start to exit, ${time} of ${repeats}`);
    for (const [name, run] of [
      ['bare', () => runBare(prepareBare(reference, ['true']))],
      ['ours', () => runByApi(ours)],
      ['docker', () => runByApi(docker)],
    ]) {
      const took = await run();
      if (time === 0) continue;
      note(`${name}Started`, took.startedMs);
      note(`${name}Exited`, took.exitedMs);
      note(`${name}Removed`, took.removedMs);
    }
    for (const [name, line] of Object.entries(lines)) {
      const { ms } = await runner.run(line);
      if (time > 0) note(name, ms);
    }
  }
  return figures;
}

/** Containers in a second from create to removed, several at once. */
export async function measureRate({ ours, docker, reference, runner, many = MANY }) {
  const { podmanAlone } = commandLines({ ours, docker });
  const bare = Array.from({ length: many }, () => prepareBare(reference, ['true']));
  return {
    bare: await rate(many, () => runBare(bare.pop())),
    ours: await rate(many, () => runByApi(ours)),
    docker: await rate(many, () => runByApi(docker)),
    podman: await rate(AT_ONCE * 2, () => runner.run(podmanAlone)),
  };
}

async function rate(many, run) {
  const beganMs = performance.now();
  let left = many;
  const worker = async () => {
    while (left-- > 0) await run();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return (many * 1000) / (performance.now() - beganMs);
}
