/**
 * An engine that is killed at every step of its own, and one that has many containers. Real conmon and crun. Needs
 * root, for a mount namespace of its own.
 */
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';
import type { EngineDaemon } from '../support/engine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'crashes');

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
const { expectNoTraces } = await import('../support/engine-traces.ts');
const { CONTAINER_STEPS } = await import('../../src/machine/engine/steps.ts');

const { engine: programs } = testPrograms(engineRoot, join(folder, 'bin'));
const store = makeImageStore(join(folder, 'store'), programs.busybox);
const script = await bundleDaemon(join(folder, 'daemon.mjs'));
const group = `/slipway-crashes-${process.pid}`;
const cgroupRoot = join('/sys/fs/cgroup', group);

const configFor = daemonConfigs(folder, group, { programs, store });

/** SLIPWAY_TEST_LONG=1 takes the time for more. */
const [IN_A_ROW, AT_ONCE] = process.env.SLIPWAY_TEST_LONG === '1' ? [1000, 200] : [300, 50];

t.setTimeout(1_200_000);
t.teardown(() => cleanUp(folder, cgroupRoot));

const nothingLeft = (runRoot: string, where: string, stateRoot?: string): Promise<void> =>
  expectNoTraces({ runRoot, cgroupRoot, stateRoot }, where);

/** How far a client has come with a container. */
interface Progress {
  done: 'nothing' | 'create' | 'start' | 'stop' | 'start again' | 'remove';
  pid: number;
}

const stubborn = (scope: 'boot' | 'state') =>
  serviceRequest('trap "" TERM; while :; do usleep 20000; done', {
    ...(scope === 'boot' ? { Volumes: ['/mnt'] } : {}),
    HostConfig: { ReadonlyRootfs: false },
    Slipway: { scope, capabilities: ['CAP_KILL'] },
  });

/** One life of a container, as far as the engine lives. */
const live = async ({ client }: EngineDaemon, progress: Progress, scope: 'boot' | 'state'): Promise<void> => {
  await client.create('cut', stubborn(scope));
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

/** Where engines of a container that lasts beyond the boot are killed: between its folders. */
const BETWEEN = /^(record: (publish|put away|delete)|remove: (record|volumes))$/;

for (const scope of ['boot', 'state'] as const) {
  t.test(
    `an engine that is killed at any step loses nothing and leaves nothing half done (${scope})`,
    async t => {
      const stateRoot = scope === 'state' ? join(folder, 'steps-kept') : undefined;
      const config = { ...configFor(`steps-${scope}`), ...(stateRoot === undefined ? {} : { stateRoot }) };
      const stepsFile = join(folder, 'steps.txt');
      const readSteps = (): string[] => readFileSync(stepsFile, 'utf8').trim().split('\n');
      let names: readonly string[] | undefined;
      if (scope === 'state') {
        rmSync(stepsFile, { force: true });
        const daemon = await startDaemon({ ...config, stepsFile }, script);
        await live(daemon, { done: 'nothing', pid: 0 }, scope);
        await daemon.kill();
        names = readSteps();
      }
      const visited = new Set<string>();
      for (let crashAt = 0; names === undefined || crashAt < names.length; crashAt += 1) {
        if (names !== undefined && !BETWEEN.test(names[crashAt] ?? '')) continue;
        rmSync(stepsFile, { force: true });
        const progress: Progress = { done: 'nothing', pid: 0 };
        const daemon = await startDaemon({ ...config, stepsFile, crashAt }, script);
        const fault = await live(daemon, progress, scope).then(
          () => undefined,
          (error: unknown) => error,
        );
        await daemon.kill();
        if (fault === undefined) break;
        t.match(fault, { message: 'the engine was killed' });
        const last = readSteps().at(-1) ?? '';
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
        await nothingLeft(config.runRoot, where, stateRoot);
      }
      for (const step of CONTAINER_STEPS.filter(step => scope === 'boot' || BETWEEN.test(step)))
        t.ok(visited.has(step), `it was killed before "${step}"`);
    },
  );
}

t.test(`short containers, ${IN_A_ROW} in a row and ${AT_ONCE} at once, leave nothing behind`, async t => {
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
  const mounts = (): number => readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n').length;
  for (let index = 0; index < 30; index += 1) await once(`warm${index}`);
  const before = { files: files(), memoryKiB: memoryKiB(), mounts: mounts() };
  const lane = async (name: string): Promise<void> => {
    for (let index = 0; index < IN_A_ROW / 3; index += 1) await once(`${name}${index}`);
  };
  await Promise.all(['a', 'b', 'c'].map(lane));
  const after = { memoryKiB: memoryKiB() };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => once(`crowd${index}`)));
  await nothingLeft(config.runRoot, `after ${IN_A_ROW + AT_ONCE} containers`);
  await eventually('its files to be closed', () => (files() <= before.files ? true : undefined)).catch(() =>
    t.equal(files(), before.files, 'open files'),
  );
  t.equal(mounts(), before.mounts, 'mounts');
  t.comment(`anonymous memory, KiB: ${before.memoryKiB}, ${after.memoryKiB}, ${memoryKiB()}`);
  // A thousand times more than a few bytes for each would show; the heap itself takes what it is allowed.
  t.ok(memoryKiB() - before.memoryKiB < 120 * 1024, `memory grew by ${memoryKiB() - before.memoryKiB} KiB`);
  await daemon.kill();
});
