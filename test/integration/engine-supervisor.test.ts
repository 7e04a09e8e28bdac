/**
 * The planner over a real engine: readiness by message and in networks of their own, pods, mount flags. Needs root, for a
 * mount namespace of its own.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'supervisor');

const { default: t } = await import('tap');
const { cleanUp, eventually, makeImageStore, testPrograms } = await import('../support/engine.ts');
const { createService } = await import('../support/service-definition.ts');
const { createEngine } = await import('../../src/machine/engine/engine.ts');
const { createLog } = await import('../../src/machine/log.ts');
const { ServiceRunner } = await import('../../src/machine/services/apply.ts');
const { Conditions } = await import('../../src/machine/services/conditions.ts');
const { NotifySockets, isReady } = await import('../../src/machine/host/notify-sockets.ts');
const { probePort, probeUrl } = await import('../../src/machine/host/network-probes.ts');
const { sharesPod } = await import('../../src/machine/host/namespaces.ts');
const { readBootId } = await import('../../src/machine/host/processes.ts');
const { RUN } = await import('../../src/shared/paths.ts');
type ServiceDefinition = ReturnType<typeof createService>;

// The machine's /run, where notify sockets are; nobody else sees it.
spawnSync('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run']);
const { engine: programs } = testPrograms(engineRoot, join(folder, 'bin'));
const { busybox } = programs;
const store = makeImageStore(join(folder, 'store'), busybox);
const log = createLog({
  component: 'test',
  level: 'debug',
  write: line => process.env.SLIPWAY_TEST_LOG === '1' && process.stderr.write(line),
});
const newSockets = () =>
  new NotifySockets({
    folder: RUN.notify,
    script: join(import.meta.dirname, '../../init/notify-listener'),
    busybox,
    bootId: readBootId(),
  });

t.setTimeout(300_000);
t.teardown(async () => {
  cleanUp(folder, '/sys/fs/cgroup/no-such-group');
  for (const name of ['web', 'speaker']) await newSockets().unlisten(name);
});

/** Sends a message as a service does with sd_notify(3). */
function say(socket: string, message: string): number | null {
  const sent = spawnSync(programs.socat ?? '', ['-u', 'STDIN', `UNIX-SENDTO:${socket}`], { input: message });
  return sent.status;
}

const container = (name: string, script: string, more: Partial<ServiceDefinition> = {}) =>
  createService(name, {
    image: 'test/busybox',
    command: ['/bin/sh', '-c', script],
    capabilities: ['CAP_KILL'],
    stop: { signal: 'SIGKILL', graceMs: 1000 },
    ...more,
  });

await t.test('a socket whose listener outlives whoever started it', async t => {
  const sockets = newSockets();
  await sockets.listen('web', true);
  const socket = join(RUN.notify, 'web/public/socket');
  t.equal(statSync(socket).mode & 0o777, 0o666, 'whoever the service runs as may speak');
  const messages = () => readFileSync(join(RUN.notify, 'web/messages'), 'utf8');
  const waiting = sockets.untilNotified('web', AbortSignal.timeout(30_000));
  t.equal(say(socket, 'STATUS=not READY=1yet\nMAINPID=1'), 0);
  await eventually('the message', () => messages().includes('STATUS=') || undefined);
  t.notOk(isReady(messages()));
  // Another life of system-docker goes on with the same listener.
  const next = newSockets();
  const listener = readFileSync(join(RUN.notify, 'web/listener'), 'utf8');
  await next.listen('web', false);
  t.equal(readFileSync(join(RUN.notify, 'web/listener'), 'utf8'), listener);
  t.equal(say(socket, 'READY=1\nSTATUS=here'), 0);
  await waiting;
  await next.untilNotified('web', AbortSignal.timeout(30_000));
  await next.listen('web', true);
  await t.rejects(next.untilNotified('web', AbortSignal.timeout(100)), 'another life has to say it again');
  const { pid } = JSON.parse(readFileSync(join(RUN.notify, 'web/listener'), 'utf8')) as { pid: number };
  const mounts = readFileSync(`/proc/${pid}/mounts`, 'utf8').trim().split('\n');
  t.equal(mounts.length, 3, 'it keeps no mount of the machine busy');
  // One that nobody knows of any more, since its starter was killed at the wrong moment.
  rmSync(join(RUN.notify, 'web/listener'));
  await next.listen('web', true);
  await eventually('the end of the lost listener', () => !existsSync(`/proc/${pid}`) || undefined);
  await next.unlisten('web');
  await eventually('the end of the listener', () => say(socket, 'READY=1') !== 0 || undefined);
  await next.unlisten('web');
  await next.unlisten('never');
});

await t.test('services on a real engine', async t => {
  const engine = await createEngine({
    runRoot: join(folder, 'e'),
    imageStores: [store],
    programs,
    version: 'test',
    log,
  });
  t.teardown(() => engine[Symbol.asyncDispose]());
  const { client } = engine;
  await mkdir(join(folder, 'flags'), { recursive: true });
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'nosuid,nodev', 'tmpfs', join(folder, 'flags')]);
  const sockets = newSockets();
  const forever = 'while :; do sleep 1; done';
  const retry = { policy: 'always', delayMs: 50, maxDelayMs: 200, maxRetries: 0 } as const;
  const definitions = [
    container('speaker', forever, {
      ready: { kind: 'notify' },
      binds: [`${folder}/flags:/mnt`, `${folder}/flags:/tmp:rw,suid`],
    }),
    container('owner', 'busybox nc -ll -p 8080 -e cat', {
      net: 'new',
      ipc: 'new',
      uts: 'new',
      ready: { kind: 'tcp', host: '127.0.0.1', port: 8080, intervalMs: 50 },
      restart: retry,
    }),
    container(
      'web',
      'mkdir /tmp/www; echo hello >/tmp/www/index.html; exec busybox httpd -f -p 8081 -h /tmp/www',
      {
        pod: 'owner',
        net: 'pod:owner',
        ipc: 'pod:owner',
        uts: 'pod:owner',
        tmpfs: ['/tmp'],
        ready: { kind: 'http', url: 'http://127.0.0.1:8081/', intervalMs: 50 },
        restart: retry,
      },
    ),
    container('job', 'exit 0', {
      ready: { kind: 'exit' },
      after: ['web'],
      restart: { ...retry, policy: 'no' },
    }),
  ];
  const runner = new ServiceRunner({
    definitions,
    engine: client,
    host: {
      listen: (name, fresh) => sockets.listen(name, fresh),
      unlisten: name => sockets.unlisten(name),
      untilNotified: (name, signal) => sockets.untilNotified(name, signal),
      probePort: (pid, host, port) => probePort(busybox, pid, host, port),
      probeUrl: (pid, url) => probeUrl(busybox, pid, url),
      sharesPod,
    },
    conditions: new Conditions(),
    log,
    uptime: () => performance.now() / 1000,
  });
  t.teardown(() => runner[Symbol.asyncDispose]());
  const status = (name: string) => runner.progress.get(name)?.status;
  const pidOf = async (name: string): Promise<number> => (await client.inspect(name)).pid;
  runner.start();

  await t.test('ready by its own message, sent from within', async t => {
    const pid = await eventually('the container', async () => {
      const found = (await client.list()).find(({ name }) => name === 'speaker')?.pid ?? 0;
      return found === 0 ? undefined : found;
    });
    // Its program may not have been begun yet.
    const socket = await eventually('its environment', () => {
      const words = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      return words.find(word => word.startsWith('NOTIFY_SOCKET='))?.split('=')[1];
    });
    t.match(status('speaker'), { status: 'starting' });
    const inside = `/proc/${pid}/root${socket}`;
    await t.rejects(mkdir(join(inside, '../x')), 'the service can add nothing to the folder');
    t.equal(say(inside, 'READY=1'), 0);
    await eventually('speaker to be up', () => status('speaker')?.status === 'up' || undefined);
  });

  await t.test('a bind keeps the restrictions of its source, unless they are lifted', async t => {
    const mounts = readFileSync(`/proc/${await pidOf('speaker')}/mounts`, 'utf8').split('\n');
    const optionsOf = (target: string) => mounts.find(line => line.split(' ')[1] === target)?.split(' ')[3];
    t.match(optionsOf('/mnt'), /^rw,nosuid,nodev\b/);
    t.match(optionsOf('/tmp'), /^rw,nodev\b/);
  });

  await t.test('ports and URLs are asked in the network of the service; a oneshot is done', async t => {
    await runner.settled('services');
    for (const [name, expected] of [
      ['owner', 'up'],
      ['web', 'up'],
      ['job', 'done'],
    ] as const) {
      t.same(status(name), { status: expected }, name);
    }
    t.ok(sharesPod(await pidOf('owner'), await pidOf('web')));
    t.not(readlinkSync(`/proc/${await pidOf('web')}/ns/net`), readlinkSync('/proc/self/ns/net'));
  });

  await t.test('a pod whose owner was killed is joined anew', async t => {
    const before = { owner: await pidOf('owner'), web: await pidOf('web') };
    process.kill(before.owner, 'SIGKILL');
    await eventually('the pod to be whole again', async () => {
      const [owner, web] = [await pidOf('owner'), await pidOf('web')];
      return (owner !== 0 && web !== 0 && owner !== before.owner && sharesPod(owner, web)) || undefined;
    });
    await eventually('web to be up', () => status('web')?.status === 'up' || undefined);
    t.not(await pidOf('web'), before.web);
  });

  await t.test('stopped, started and restarted by hand', async t => {
    const never = new AbortController().signal;
    await runner.stopService('web');
    t.match(await client.inspect('web'), { status: 'exited', stopRequested: true });
    t.match(status('web'), { status: 'stopped' });
    await runner.startService('web', never);
    t.match(status('web'), { status: 'up' });
    const pid = await pidOf('web');
    await runner.restartService('web', never);
    t.not(await pidOf('web'), pid);
    await client.stop('owner');
    await eventually('owner to be seen as stopped', () => status('owner')?.status === 'stopped' || undefined);
    await client.start('owner');
    await eventually('the pod to be whole again', async () => {
      if (status('owner')?.status !== 'up' || status('web')?.status !== 'up') return undefined;
      return sharesPod(await pidOf('owner'), await pidOf('web')) || undefined;
    });
  });
});
