/**
 * An engine that is killed: at every step of its own, and again and again under load. Real conmon and crun. Needs
 * root, for a mount namespace of its own.
 */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findEngineRoot } from '../support/engine-root.ts';
import { enterPrivateMachine } from '../support/private-machine.ts';
import type { EngineDaemon } from '../support/engine.ts';

const inherited = process.env.SLIPWAY_TEST_FOLDER;
const folder = inherited ?? mkdtempSync('/tmp/slipway-crashes-');
process.env.SLIPWAY_TEST_FOLDER = folder;
const engineRoot = await findEngineRoot();
process.env.SLIPWAY_TEST_ENGINE = engineRoot;
enterPrivateMachine(import.meta.filename, folder);

const { default: t } = await import('tap');
const {
  argumentsOf,
  bundleDaemon,
  cleanUp,
  daemonConfigs,
  eventually,
  makeImageStore,
  processesWith,
  serviceRequest,
  startDaemon,
  testPrograms,
} = await import('../support/engine.ts');
const { dockerClient } = await import('../support/docker-client.ts');
const { CONTAINER_STEPS } = await import('../../src/machine/engine/steps.ts');

const { engine: programs, docker: dockerProgram } = testPrograms(engineRoot, join(folder, 'bin'));
const store = makeImageStore(join(folder, 'store'), programs.busybox);
const script = await bundleDaemon(join(folder, 'daemon.mjs'));
const group = `/slipway-crashes-${process.pid}`;
const cgroupRoot = join('/sys/fs/cgroup', group);

const configFor = daemonConfigs(folder, group, { programs, store });

t.setTimeout(600_000);
t.teardown(() => cleanUp(folder, cgroupRoot));

const filesIn = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
const foldersIn = (path: string): string[] =>
  existsSync(path)
    ? readdirSync(path, { withFileTypes: true })
        .filter(entry => entry.isDirectory())
        .map(entry => entry.name)
    : [];

/** Everything that containers of an engine have on this machine. */
const traces = (runRoot: string): readonly string[] => [
  // .cache is crun's own, of seccomp profiles.
  ...['containers', 'exits', 'crun', 'execs', 'volumes', 'netns'].flatMap(name =>
    filesIn(join(runRoot, name))
      .filter(file => file !== '.cache')
      .map(file => `${name}/${file}`),
  ),
  ...readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => line.split(' ')[4] ?? '')
    .filter(point => point.startsWith(`${runRoot}/`))
    .map(point => `mount ${point}`),
  ...['monitors', 'services', 'user'].flatMap(name =>
    foldersIn(join(cgroupRoot, name)).map(child => `cgroup ${name}/${child}`),
  ),
  ...processesWith(join(runRoot, 'crun')).map(pid => `process ${pid} ${argumentsOf(pid)}`),
];

const nothingLeft = async (runRoot: string, where: string): Promise<void> => {
  let found: readonly string[] = [];
  await eventually(
    `nothing to be left: ${where}`,
    () => {
      found = traces(runRoot);
      return found.length === 0 ? true : undefined;
    },
    20_000,
  ).catch((error: unknown) => {
    throw new Error(found.join('\n'), { cause: error });
  });
};

/** How far a client has come with a container. */
interface Progress {
  done: 'nothing' | 'create' | 'start' | 'stop' | 'start again' | 'remove';
  pid: number;
}

const stubborn = () =>
  serviceRequest('trap "" TERM; while :; do usleep 20000; done', {
    Volumes: ['/mnt'],
    HostConfig: { ReadonlyRootfs: false },
  });

/** One life of a container, as far as the engine lives. */
const live = async ({ client }: EngineDaemon, progress: Progress): Promise<void> => {
  await client.create('cut', stubborn());
  progress.done = 'create';
  await client.start('cut');
  progress.done = 'start';
  progress.pid = (await client.inspect('cut')).pid;
  await client.stop('cut', 30);
  progress.done = 'stop';
  progress.pid = 0;
  await client.start('cut');
  progress.done = 'start again';
  await client.remove('cut', { force: true });
  progress.done = 'remove';
};

t.test('an engine that is killed at any step loses nothing and leaves nothing half done', async t => {
  const config = configFor('steps');
  const stepsFile = join(folder, 'steps.txt');
  const visited = new Set<string>();
  for (let crashAt = 0; ; crashAt += 1) {
    rmSync(stepsFile, { force: true });
    const progress: Progress = { done: 'nothing', pid: 0 };
    const daemon = await startDaemon({ ...config, stepsFile, crashAt }, script);
    const fault = await live(daemon, progress).then(
      () => undefined,
      (error: unknown) => error,
    );
    await daemon.kill();
    if (fault === undefined) break;
    t.match(fault, { message: 'the engine was killed' });
    const last = readFileSync(stepsFile, 'utf8').trim().split('\n').at(-1) ?? '';
    visited.add(last);
    const where = `killed before step ${crashAt}, "${last}", after ${progress.done}`;
    // The next engine is killed at its first step, where it has one.
    if (crashAt % 3 === 0) {
      const second = await startDaemon({ ...config, crashAt: 0 }, script).catch(() => undefined);
      await second?.kill();
    }
    const next = await startDaemon(config, script);
    const [found, ...more] = await next.client.list();
    t.same(more, [], `${where}: no second container`);
    if (progress.done === 'create' || progress.done === 'start' || progress.done === 'stop') {
      t.ok(found, `${where}: it is known`);
    }
    if (progress.done === 'remove') t.notOk(found, `${where}: it is gone`);
    if (found !== undefined) {
      const { id } = found;
      // Between the answer to `start` and the step that ended the engine nobody may have touched it.
      if (
        progress.done === 'start' &&
        progress.pid > 0 &&
        !last.startsWith('stop: kill') &&
        !/exit|clear|record/.test(last)
      )
        t.equal(found.pid, progress.pid, `${where}: the same process`);
      await eventually(`${where}: a state that is true`, async () => {
        const now = await next.client.inspect(id);
        const monitors = processesWith(id).filter(pid => argumentsOf(pid).includes('conmon'));
        if (now.status === 'running')
          return monitors.length === 1 && processesWith(id).length > 0 ? true : undefined;
        return monitors.length === 0 ? true : undefined;
      });
      if (progress.done === 'stop' && !last.startsWith('start') && !last.startsWith('record')) {
        t.match(await next.client.inspect(id), { status: 'exited', exitCode: 137 }, where);
      }
      // It can be worked with.
      await next.client.start(id);
      t.match(await next.client.inspect(id), { status: 'running', name: 'cut' }, where);
      await next.client.remove(id, { force: true });
    }
    await next.kill();
    await nothingLeft(config.runRoot, where);
  }
  for (const step of CONTAINER_STEPS) t.ok(visited.has(step), `it was killed before "${step}"`);
});

const docker = (name: string) => dockerClient(dockerProgram, join(folder, `${name}.sock`), folder);

/** Numbers of lines `line N` that do not follow on the one before. */
const jumps = (lines: readonly string[]): string[] => {
  const numbers = lines.map(line => Number(/^line (\d+)$/.exec(line)?.[1]));
  return lines.filter((_, index) => index > 0 && numbers[index] !== (numbers[index - 1] ?? 0) + 1);
};

t.test('an engine that is killed 100 times under load', async t => {
  const config = { ...configFor('storm'), logBudgetBytes: 256 * 1024 };
  const rounds = 100;
  let daemon = await startDaemon(config, script);
  const always = { HostConfig: { RestartPolicy: { Name: 'always' } } };
  await daemon.client.create(
    'counter',
    serviceRequest('i=0; while :; do echo line $i; i=$((i+1)); usleep 1000; done', always),
  );
  await daemon.client.start('counter');
  const before = await daemon.client.inspect('counter');
  const acknowledged: string[] = [];
  const followed: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { client } = daemon;
    const name = `short${round}`;
    const work = client
      .create(name, serviceRequest(`exit ${round}`))
      .then(() => client.start(name))
      .then(() => acknowledged.push(name))
      .catch(() => undefined);
    // Readers of logs move files about.
    const reading = docker('storm')('logs', '--tail', '20', 'counter').then(({ stdout }) => {
      followed.push(...jumps(stdout.trimEnd().split('\n').slice(0, -1)));
    });
    await new Promise(resolve => setTimeout(resolve, (round * 37) % 200));
    await daemon.kill();
    await Promise.all([work, reading]);
    daemon = await startDaemon(config, script);
    const now = await daemon.client.inspect('counter');
    if (now.pid !== before.pid) t.fail(`round ${round}: the process is another one`);
  }
  t.match(await daemon.client.inspect('counter'), { pid: before.pid, restartCount: 0, status: 'running' });
  t.ok(acknowledged.length > 10, `${acknowledged.length} containers were started in between`);
  for (const name of acknowledged) {
    const code = Number(name.slice('short'.length));
    if ((await daemon.client.wait(name)) !== code) t.fail(`${name} has lost its exit code`);
  }
  t.same(followed, [], 'whoever read saw every line once');
  await daemon.client.stop('counter', 0);
  const { stdout } = await docker('storm')('logs', 'counter');
  const lines = stdout.trimEnd().split('\n');
  t.ok(lines.length > 500, `${lines.length} lines are kept`);
  t.same(jumps(lines), [], 'no gap, no duplicate');
  for (const { id } of await daemon.client.list()) await daemon.client.remove(id, { force: true });
  await daemon.kill();
  await nothingLeft(config.runRoot, 'after the storm');
});

t.test('short containers, 300 in a row and 50 at once, leave nothing behind', async t => {
  const config = configFor('many');
  const daemon = await startDaemon(config, script);
  const pid = daemon.process.pid ?? 0;
  const { client } = daemon;
  const once = async (name: string): Promise<void> => {
    await client.create(
      name,
      serviceRequest('exit 3', { Volumes: ['/mnt'], HostConfig: { ReadonlyRootfs: false } }),
    );
    await client.start(name);
    if ((await client.wait(name)) !== 3) t.fail(`${name} has another exit code`);
    await client.remove(name);
  };
  const files = (): number => readdirSync(`/proc/${pid}/fd`).length;
  const memoryKiB = (): number =>
    Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  for (let index = 0; index < 30; index += 1) await once(`warm${index}`);
  const filesBefore = files();
  const memoryBefore = memoryKiB();
  const lane = async (name: string): Promise<void> => {
    for (let index = 0; index < 100; index += 1) await once(`${name}${index}`);
  };
  await Promise.all(['a', 'b', 'c'].map(lane));
  await Promise.all(Array.from({ length: 50 }, (_, index) => once(`crowd${index}`)));
  await nothingLeft(config.runRoot, 'after 350 containers');
  await eventually('its files to be closed', () => (files() <= filesBefore ? true : undefined)).catch(() =>
    t.equal(files(), filesBefore, 'open files'),
  );
  t.ok(memoryKiB() - memoryBefore < 120 * 1024, `memory grew by ${memoryKiB() - memoryBefore} KiB`);
  await daemon.kill();
});
