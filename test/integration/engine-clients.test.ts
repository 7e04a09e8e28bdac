/**
 * Clients that people use, unmodified: Docker's own of two Debians, dockerode, testcontainers. In a network namespace
 * that stands for the machine, with a registry that stands for the hub. Needs root.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { findClientRoots } from '../support/docker-clients.ts';
import { enterEngineTest } from '../support/private-machine.ts';

const roots = await findClientRoots();
const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'clients', { network: true });

const { default: t } = await import('tap');
const { default: Docker } = await import('dockerode');
const { startClientMachine } = await import('../support/client-machine.ts');
const { eventually } = await import('../support/engine.ts');
const { checkTestcontainers } = await import('../support/testcontainers.ts');

t.setTimeout(600_000);
const { network, hub, clients } = await startClientMachine(t, folder, engineRoot, roots);
const { socket } = network.config;

for (const name of ['stable', 'newer'] as const) {
  const { docker, said, following, typed } = clients[name];

  await t.test(`Docker's client, ${name}`, async t => {
    const version = await said('version');
    if (name === 'newer')
      t.match(version, / 1\.45 \(downgraded from 1\.\d\d\)/, 'it comes down to our version');
    else t.match(version, /API version: +1\.45\n/);
    t.match(await said('info'), /Server Version: 0\.1\.0-test\n Storage Driver: overlay2\n/);
    t.notMatch(await said('info'), /ERROR/);
    await said('context', 'create', 'lab', '--docker', `host=unix://${socket}`);
    t.match(await said('context', 'ls'), /lab .*unix:/);
    t.equal(await said('--context', 'lab', 'ps', '-q'), '');
    await said('context', 'rm', 'lab');

    await t.test('containers', async t => {
      t.match(await docker('run', '--rm', 'alpine:3.20', 'echo', 'pulled'), {
        code: 0,
        stdout: 'pulled\n',
        stderr: name === 'stable' ? /Status: Downloaded newer image for alpine:3\.20/ : '',
      });
      const terminal = await typed(
        'stty size; tty; exit 3\n',
        ...['run', '--rm', '-i', '-t', 'alpine:3.20', 'sh'],
      );
      t.match(terminal, { code: 3, stdout: /30 100\r\n\/dev\/pts\/0\r\n/ });
      await said('run', '-d', '--name', 'web', '-p', '8080:80', '--label', 'a=b', 'nginx:alpine');
      await using stats = following('stats', '--no-trunc');
      await using events = following(
        'events',
        '--format',
        '{{.Type}} {{.Action}}',
        '--filter',
        'container=web',
      );
      t.match(await said('ps', '--filter', 'label=a'), /0\.0\.0\.0:8080->80\/tcp +web$/);
      t.match(await typed('', 'exec', '-it', 'web', 'tty'), { code: 0, stdout: '/dev/pts/0\r\n' });
      t.match(JSON.parse(await said('inspect', '-s', 'web')), [
        {
          State: { Status: 'running' },
          SizeRootFs: /^\d{7}$/,
          NetworkSettings: { Ports: { '80/tcp': [{ HostPort: '8080' }] } },
        },
      ]);
      writeFileSync(join(folder, 'file'), name);
      await said('cp', join(folder, 'file'), 'web:/usr/share/nginx/html/file');
      t.equal(await network.fetch('http://127.0.0.1:8080/file'), name);
      await said('cp', 'web:/etc/passwd', join(folder, 'passwd'));
      t.match(readFileSync(join(folder, 'passwd'), 'utf8'), /^root:x:0:0/);
      t.match(await said('diff', 'web'), /A \/usr\/share\/nginx\/html\/file/);
      t.match(await said('logs', '-t', 'web'), '', 'it speaks on its error output');
      await eventually(
        'two rounds of stats',
        () => (stats.text().match(/ web /g) ?? []).length > 1 || undefined,
      );
      await said('restart', '-t', '0', 'web');
      const [finished = '', started = ''] = (
        await said('inspect', 'web', '-f', '{{.State.FinishedAt}} {{.State.StartedAt}}')
      ).split(' ');
      t.ok('2020' < finished && finished <= started, 'it knows of the end of its last life');
      await said('rm', '-f', 'web');
      await said(
        'run',
        '-d',
        '--name',
        'own',
        '--network',
        'host',
        '--expose',
        '9000',
        'alpine:3.20',
        'sleep',
        '99',
      );
      t.equal(
        await said('ps', '--format', '{{.Names}} {{.Ports}}'),
        'own',
        "the machine's ports are not its own",
      );
      await said('rm', '-f', 'own');
      await eventually(
        'the end in the events',
        () => /^container destroy$/m.test(events.text()) || undefined,
      );
      t.match(events.text(), /^container exec_start: tty$/m);
      t.match(await said('events', '--since', '1m', '--until', '0s', '--format', 'json'), /"Action":"start"/);
    });

    await t.test('images', async t => {
      await said('save', '-o', join(folder, 'saved.tar'), 'nginx:alpine', 'alpine:3.20');
      const id = await said('inspect', 'nginx:alpine', '-f', '{{.Id}}');
      await said('rmi', 'nginx:alpine');
      t.match(await said('load', '-i', join(folder, 'saved.tar')), /^Loaded image: nginx:alpine$/m);
      t.equal(await said('inspect', 'nginx:alpine', '-f', '{{.Id}}'), id);
      await said('tag', 'nginx:alpine', `${hub.host}/${name}/web:1`);
      t.match(await said('push', `${hub.host}/${name}/web:1`), /^1: digest: sha256:[0-9a-f]{64} size: \d+$/m);
      await said('rmi', `${hub.host}/${name}/web:1`);
      t.match(await said('pull', `${hub.host}/${name}/web:1`), /Already exists|Downloaded newer/);
      await said('rmi', `${hub.host}/${name}/web:1`);
      const usage = await said('system', 'df', '-v');
      t.match(usage, /nginx +alpine .* 2\.\d+MB/);
      t.match(usage, /Build cache usage: 0B/);
    });

    await t.test('what is not there says so', async t => {
      const build = await docker('build', join(import.meta.dirname, '../support/compose/build'));
      t.match(build, {
        code: 1,
        stderr: /building images is not supported by system-docker: build the image else/,
      });
      t.match(await docker('swarm', 'init'), { code: 1, stderr: /swarm .* not supported by system-docker/ });
      t.match(await docker('plugin', 'ls'), {
        code: 1,
        stderr: /plugins are not supported by system-docker/,
      });
      t.match(await docker('run', '--gpus', 'all', 'alpine:3.20'), { code: 125, stderr: /device driver/ });
      t.match(
        await said('system', 'prune', '-f'),
        /Total reclaimed space: /,
        'which has no build cache to prune',
      );
    });
  });
}

await t.test('dockerode', async t => {
  const docker = new Docker({ socketPath: socket });
  t.equal(String(await docker.ping()), 'OK');
  t.notOk('Created' in (await docker.getImage('test/busybox').inspect()), 'an image that does not say when');
  const pulling = await docker.pull('redis:7-alpine');
  const steps = await new Promise<{ status?: string }[]>((resolve, reject) => {
    docker.modem.followProgress(pulling, (error, output: { status?: string }[]) =>
      error === null ? resolve(output) : reject(error),
    );
  });
  t.match(steps.at(-1)?.status, /Status: Downloaded newer image for redis:7-alpine/);
  const output = new PassThrough();
  let text = '';
  output.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const command = ['sh', '-c', 'echo out; echo err >&2; exit 4'];
  const [ended, made] = (await docker.run('redis:7-alpine', command, output, {
    Labels: { by: 'dockerode' },
  })) as [{ StatusCode: number }, InstanceType<typeof Docker.Container>];
  t.equal(ended.StatusCode, 4);
  t.equal(text, 'out\r\nerr\r\n', 'on a terminal, as dockerode has it');
  await made.remove({ v: true });
  const container = await docker.createContainer({
    ...{ name: 'cache', Image: 'redis:7-alpine', Tty: false, OpenStdin: true },
    HostConfig: { PortBindings: { '6379/tcp': [{ HostPort: '16379' }] } },
  });
  await container.start();
  t.match(await docker.listContainers({ filters: { name: ['cache'] } }), [
    { Names: ['/cache'], State: 'running' },
  ]);
  await eventually('the port', () => isOpen(16_379));
  const exec = await container.exec({
    Cmd: ['cat'],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: true });
  const answer = new PassThrough();
  docker.modem.demuxStream(stream, answer, answer);
  stream.end('through and back');
  t.equal(String((await answer.take(1).toArray())[0]), 'through and back');
  await eventually('its exit code', async () => (await exec.inspect()).ExitCode === 0 || undefined);
  const archive = await container.getArchive({ path: '/etc/passwd' });
  t.match(await readAll(archive), /^passwd\0/);
  t.match(await container.stats({ stream: false }), { name: '/cache', cpu_stats: {} });
  t.match((await container.logs({ stdout: true, stderr: true })).toString(), /Ready to accept connections/);
  await container.stop({ t: 0 });
  t.match(await container.wait(), { StatusCode: Number });
  await container.remove({ v: true });
  await t.rejects(container.inspect(), {
    message: /\(HTTP code 404\) no such container - No such container: /,
  });
});

await t.test('testcontainers', t => checkTestcontainers(t, clients.newer, socket));

await t.test('nothing is left behind', async t => {
  t.equal(await clients.stable.said('ps', '-aq'), '');
  network.expectNothing(t, 'in the end');
});

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

function isOpen(port: number): Promise<true | undefined> {
  return new Promise(resolve => {
    const connection = connect(port, '127.0.0.1', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(undefined));
  });
}
