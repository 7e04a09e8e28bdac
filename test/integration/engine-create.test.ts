/**
 * Containers that are made through the API: `docker create` and `docker run` of Docker's own client, and the
 * options that reach the container. Needs root, for a mount namespace of its own.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'create');

const { default: t } = await import('tap');
const { cleanUp, eventually, makeImageStore, testPrograms } = await import('../support/engine.ts');
const { createEngine } = await import('../../src/machine/engine/engine.ts');
const { createLog } = await import('../../src/machine/log.ts');

const { engine: programs, docker: dockerProgram } = testPrograms(engineRoot, join(folder, 'bin'));
const store = makeImageStore(join(folder, 'store'), programs.busybox);
const group = `/slipway-create-${process.pid}`;
const cgroupRoot = join('/sys/fs/cgroup', group);
const log = createLog({
  component: 'test',
  level: 'debug',
  write: line => process.env.SLIPWAY_TEST_LOG === '1' && process.stderr.write(line),
});
const socket = join(folder, 'api.sock');

t.setTimeout(600_000);
t.teardown(() => cleanUp(folder, cgroupRoot));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const docker = (...args: readonly string[]): Promise<Ended> =>
  new Promise(resolve => {
    const child = spawn(dockerProgram, args, {
      env: { ...process.env, DOCKER_HOST: `unix://${socket}`, HOME: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('close', code => resolve({ code, stdout, stderr }));
  });

t.test("docker's own client makes containers", async t => {
  await using engine = await createEngine({
    runRoot: join(folder, 'run'),
    imageStores: [store],
    programs,
    cgroups: {
      root: '/sys/fs/cgroup',
      monitors: `${group}/monitors`,
      services: `${group}/services`,
      user: `${group}/user`,
      limits: false,
    },
    version: '0.1.0-test',
    log,
  });
  await engine.listen(socket);

  await t.test('create, start, and run -d', async t => {
    const created = await docker(
      'create',
      '--network',
      'host',
      '--name',
      'one',
      'test/busybox',
      'echo',
      'hi',
    );
    t.match(created, { code: 0, stdout: /^[0-9a-f]{64}\n$/, stderr: '' });
    t.match(await docker('start', 'one'), { code: 0, stdout: 'one\n' });
    t.match(await docker('wait', 'one'), { code: 0, stdout: '0\n' });
    t.match(await docker('logs', 'one'), { stdout: 'hi\n' });
    const ran = await docker('run', '-d', '--network', 'host', 'test/busybox', 'sleep', '1000');
    t.match(ran, { code: 0, stdout: /^[0-9a-f]{64}\n$/, stderr: '' });
    t.match(
      (await docker('ps', '--format', '{{.Names}}')).stdout,
      /^[a-z]+_[a-z]+\n$/,
      'it was given a name',
    );
    t.match(await docker('rm', '-f', ran.stdout.trim(), 'one'), { code: 0 });
  });

  const run = async (options: readonly string[], script: string, image = 'test/busybox'): Promise<Ended> => {
    const made = await docker('create', '--network', 'none', ...options, image, 'sh', '-c', script);
    if (made.code !== 0) return made;
    const id = made.stdout.trim();
    const started = await docker('start', id);
    const code = (await docker('wait', id)).stdout.trim();
    const { stdout, stderr } = await docker('logs', id);
    await docker('rm', '-f', id);
    return {
      code: started.code === 0 ? Number(code) : started.code,
      stdout,
      stderr: started.stderr + stderr,
    };
  };

  await t.test('system calls: the default profile, none, and a custom one', async t => {
    const unshare = 'busybox unshare -U true && echo made || echo refused';
    t.match(await run([], unshare), { stdout: 'refused\n', stderr: /Operation not permitted/ });
    t.match(await run(['--security-opt', 'seccomp=unconfined'], unshare), { stdout: 'made\n' });
    t.match(await run(['--cap-add', 'SYS_ADMIN'], unshare), { stdout: 'made\n' });
    t.match(await run([], 'grep Seccomp: /proc/self/status'), { stdout: 'Seccomp:\t2\n' });
    t.match(await run([], 'busybox mount -t tmpfs x /mnt; busybox chroot / true && echo chroot'), {
      stdout: 'chroot\n',
      stderr: /permission denied|Operation not permitted/i,
    });
    const profile = join(folder, 'profile.json');
    writeFileSync(
      profile,
      JSON.stringify({
        defaultAction: 'SCMP_ACT_ALLOW',
        archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
        syscalls: [
          { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 },
          { names: ['chmod', 'fchmodat'], action: 'SCMP_ACT_ERRNO', includes: { caps: ['CAP_SYS_BOOT'] } },
        ],
      }),
    );
    t.match(
      await run(
        ['--security-opt', `seccomp=${profile}`],
        'busybox mkdir /tmp/x; busybox chmod 700 /tmp && echo changed',
      ),
      { stdout: 'changed\n', stderr: /No space left on device/ },
    );
  });

  await t.test('names: hosts, hostname, resolv.conf', async t => {
    const seen = await run(
      [
        ...['--hostname', 'inner', '--domainname', 'example.org', '--add-host', 'db:10.1.2.3'],
        ...['--dns', '9.9.9.9', '--dns-search', 'corp.example', '--dns-option', 'ndots:3'],
      ],
      'cat /etc/hosts /etc/hostname /etc/resolv.conf; hostname; cat /proc/sys/kernel/domainname; echo >> /etc/hosts && echo ok',
    );
    t.match(seen, { code: 0, stderr: '' });
    t.match(seen.stdout, /^127\.0\.0\.1\tlocalhost\n[\s\S]*10\.1\.2\.3\tdb\ninner\nnameserver 9\.9\.9\.9\n/);
    t.match(seen.stdout, /search corp\.example\noptions ndots:3\ninner\nexample\.org\nok\n$/);
  });

  await t.test('pause, unpause, rename, top, stats, update', async t => {
    await docker('run', '-d', '--name', 'verbs', '--network', 'none', 'test/busybox', 'sleep', '1000');
    t.match(await docker('pause', 'verbs'), { code: 0, stdout: 'verbs\n' });
    t.match((await docker('ps', '--format', '{{.Status}} {{.State}}')).stdout, /^Up .* \(Paused\) paused\n$/);
    t.match(await docker('pause', 'verbs'), { code: 1, stderr: /Container [0-9a-f]{64} is already paused/ });
    t.match(await docker('start', 'verbs'), {
      code: 1,
      stderr: /cannot start a paused container, try unpause instead/,
    });
    t.match(await docker('unpause', 'verbs'), { code: 0, stdout: 'verbs\n' });
    t.match(await docker('unpause', 'verbs'), { code: 1, stderr: /Container [0-9a-f]{64} is not paused/ });
    t.match(await docker('pause', 'verbs'), { code: 0 });
    t.match(await docker('stop', '-t', '0', 'verbs'), { code: 0 }, 'a paused container can be stopped');
    t.match(await docker('start', 'verbs'), { code: 0 });

    t.match(await docker('rename', 'verbs', 'words'), { code: 0, stderr: '' });
    t.match((await docker('ps', '--format', '{{.Names}}')).stdout, 'words\n');
    t.match(await docker('inspect', 'verbs'), { code: 1 });
    await docker('create', '--name', 'verbs', 'test/busybox');
    t.match(await docker('rename', 'words', 'verbs'), {
      code: 1,
      stderr: /Conflict\. The container name "\/verbs" is already in use by container "[0-9a-f]{64}"/,
    });
    t.match(await docker('rename', 'words', 'words'), {
      code: 1,
      stderr: /Renaming a container with the same name as its current name/,
    });
    await docker('rm', 'verbs');

    t.match(
      (await docker('top', 'words')).stdout,
      /^UID +PID +PPID +C +STIME +TTY +TIME +CMD\nroot +\d+ .* sleep 1000\n$/,
    );
    t.match((await docker('top', 'words', '-o', 'pid,comm')).stdout, /^PID +COMMAND\n\d+ +sleep\n$/);
    t.match((await docker('top', 'words', 'aux')).stdout, /^USER +PID +%CPU .*\nroot +\d+ /);
    t.match(await docker('stats', '--no-stream', '--format', '{{.Name}} {{.CPUPerc}}', 'words'), {
      code: 0,
      stdout: /^words \d+\.\d\d%\n$/,
    });
    t.match(await docker('update', '--restart', 'always', 'words'), { code: 0, stdout: 'words\n' });
    t.match(
      (await docker('inspect', '--format', '{{json .HostConfig.RestartPolicy}}', 'words')).stdout,
      '{"Name":"always","MaximumRetryCount":0}\n',
    );
    t.match(await docker('update', '--memory', '1m', 'words'), {
      code: 1,
      stderr: /Minimum memory limit allowed is 6MB/,
    });
    await docker('rm', '-f', 'words');
  });

  await t.test('health', async t => {
    const health = async (
      name: string,
      format = '{{.State.Health.Status}} {{.State.Health.FailingStreak}}',
    ) => (await docker('inspect', '--format', format, name)).stdout.trim();
    const quick = ['--health-interval', '100ms', '--health-retries', '2'];
    const sleeper = ['--network', 'none', 'test/busybox', 'sleep', '1000'];
    await docker('run', '-d', '--name', 'sound', '--health-cmd', 'echo fine', ...quick, ...sleeper);
    t.match((await docker('ps', '--format', '{{.Status}}')).stdout, /\((health: starting|healthy)\)\n$/);
    await eventually('health', async () => ((await health('sound')) === 'healthy 0' ? true : undefined));
    t.match(
      (await docker('ps', '--filter', 'health=healthy', '--format', '{{.Status}}')).stdout,
      /\(healthy\)\n$/,
    );
    t.match(await health('sound', '{{(index .State.Health.Log 0).Output}}'), 'fine');
    await docker('run', '-d', '--name', 'ill', '--health-cmd', 'echo no; exit 3', ...quick, ...sleeper);
    await eventually('illness', async () =>
      (await health('ill')).startsWith('unhealthy') ? true : undefined,
    );
    t.equal(await health('ill', '{{(index .State.Health.Log 0).ExitCode}}'), '3');
    const short = [...quick, '--health-timeout', '300ms'];
    await docker('run', '-d', '--name', 'slow', '--health-cmd', 'sleep 1000', ...short, ...sleeper);
    await eventually('a timeout', async () =>
      (await health('slow')).startsWith('unhealthy') ? true : undefined,
    );
    t.match(
      await health('slow', '{{(index .State.Health.Log 0).Output}}'),
      'Health check exceeded timeout (300ms)',
    );
    const events = spawn(
      dockerProgram,
      ['events', '--filter', 'event=health_status', '--format', '{{.Action}}'],
      {
        env: { ...process.env, DOCKER_HOST: `unix://${socket}`, HOME: folder },
      },
    );
    let told = '';
    events.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
    // The client says nothing once it listens: so it is tried until it has heard one.
    await eventually('an event', async () => {
      await docker('restart', '-t', '0', 'sound');
      await eventually('health again', async () =>
        (await health('sound')) === 'healthy 0' ? true : undefined,
      );
      return told === '' ? undefined : true;
    });
    events.kill();
    t.match(told, /^health_status: healthy\n/);
    await docker('create', '--name', 'none', '--no-healthcheck', ...sleeper);
    t.match(await health('none', '{{json .State.Health}}'), 'null');
    t.match(await docker('create', '--health-cmd', 'x', '--health-interval', '1us', ...sleeper), { code: 1 });
    await docker('rm', '-f', 'sound', 'ill', 'slow', 'none');
  });

  await t.test('prune and --rm', async t => {
    await docker('run', '-d', '--name', 'gone', '--rm', '--network', 'none', 'test/busybox', 'true');
    await eventually('it to be gone', async () =>
      (await docker('inspect', 'gone')).code === 1 ? true : undefined,
    );
    t.match(
      await docker('run', '-d', '--name', 'bad', '--rm', '--network', 'none', 'test/busybox', '/no/such'),
      {
        code: 127,
        stderr: /no\/such/,
      },
    );
    t.match(await docker('inspect', 'bad'), { code: 1 }, 'one that cannot be started goes as well');
    t.match(await docker('run', '-d', '--rm', '--restart', 'always', 'test/busybox', 'true'), { code: 125 });
    const [keep, old] = [
      (await docker('create', '--label', 'keep=yes', 'test/busybox')).stdout.trim(),
      (await docker('create', 'test/busybox')).stdout.trim(),
    ];
    t.match(await docker('container', 'prune', '-f', '--filter', 'until=24h'), {
      stdout: /reclaimed space: 0B/,
    });
    const pruned = await docker('container', 'prune', '-f', '--filter', 'label!=keep');
    t.match(pruned, { code: 0, stdout: `Deleted Containers:\n${old}\n` });
    t.match(await docker('rm', keep), { code: 0 });
    t.match(await docker('container', 'prune', '-f', '--filter', 'nope=1'), {
      code: 1,
      stderr: /invalid filter 'nope'/,
    });
  });

  await t.test('what is asked for reaches the container', async t => {
    const seen = await run(
      [
        ...[
          '--user',
          '1000:1000',
          '--group-add',
          '2000',
          '--workdir',
          '/srv/here',
          '--env',
          'A=1',
          '--env',
          'B=two',
        ],
        ...[
          '--ulimit',
          'nofile=100:200',
          '--ulimit',
          'core=-1',
          '--oom-score-adj',
          '300',
          '--shm-size',
          '8m',
        ],
        ...['--cap-drop', 'ALL', '--cap-add', 'NET_BIND_SERVICE', '--security-opt', 'no-new-privileges'],
        ...['--sysctl', 'net.ipv4.ip_unprivileged_port_start=99', '--tmpfs', '/scratch:size=1m,mode=1770'],
        ...['--read-only', '--volume', `${store}/images:/mnt:ro`, '--annotation', 'a=b'],
      ],
      [
        'id -u; id -G; pwd; echo $A $B; cat /proc/self/oom_score_adj; grep CapBnd /proc/self/status',
        'grep NoNewPrivs /proc/self/status; cat /proc/sys/net/ipv4/ip_unprivileged_port_start',
        'grep "open files" /proc/self/limits; ls /mnt; touch /x || touch /mnt/x || echo readonly',
        'grep " /scratch " /proc/mounts; grep " /dev/shm " /proc/mounts; cat /proc/kcore | head -c 1 | wc -c',
        'echo 1 > /proc/sysrq-trigger || echo masked',
      ].join('\n'),
    );
    const lines = seen.stdout.split('\n').map(line => line.replaceAll(/\s+/g, ' '));
    t.same(lines.slice(0, 8), [
      '1000',
      '1000 2000',
      '/srv/here',
      '1 two',
      '300',
      'CapBnd: 0000000000000400',
      'NoNewPrivs: 1',
      '99',
    ]);
    t.match(lines.slice(8), [
      'Max open files 100 200 files ',
      'index.json',
      'readonly',
      /tmpfs rw,nosuid,nodev,noexec.*size=1024k,mode=1770/,
      /^shm \/dev\/shm tmpfs rw,nosuid,nodev,noexec.*size=8192k/,
      '0',
      'masked',
    ]);
    t.match(
      await run(
        ['--device', '/dev/null:/dev/nothing:r', '--device-cgroup-rule', 'c 10:200 rwm'],
        'ls -l /dev/nothing',
      ),
      {
        stdout: /^crw.* 1, +3 .*\/dev\/nothing\n$/,
      },
    );
    t.match(await run(['--security-opt', 'systempaths=unconfined'], 'grep -c " /proc/" /proc/mounts'), {
      stdout: '0\n',
    });
  });

  await t.test('inspect shows what was asked for', async t => {
    const { stdout } = await docker(
      ...[
        'create',
        '--name',
        'shown',
        '--network',
        'none',
        '--memory',
        '64m',
        '--cpus',
        '1.5',
        '--pids-limit',
        '7',
      ],
      ...[
        '--restart',
        'on-failure:4',
        '--log-opt',
        'max-size=1m',
        '--log-opt',
        'max-file=3',
        '--label',
        'l=1',
      ],
      ...['--cap-add', 'SYS_TIME', '--dns', '1.1.1.1', '--stop-signal', 'INT', '--stop-timeout', '7'],
      ...['--expose', '80', '--entrypoint', 'sh', '--health-cmd', 'true', 'test/busybox', '-c', 'true'],
    );
    const [body] = JSON.parse((await docker('inspect', 'shown')).stdout) as Record<string, unknown>[];
    t.match(body, {
      Id: stdout.trim(),
      Path: 'sh',
      Args: ['-c', 'true'],
      State: { Status: 'created', Running: false, ExitCode: 0 },
      HostConfig: {
        Memory: 64 * 1024 * 1024,
        MemorySwap: 128 * 1024 * 1024,
        NanoCpus: 1.5e9,
        PidsLimit: 7,
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 4 },
        LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '3' } },
        CapAdd: ['SYS_TIME'],
        Dns: ['1.1.1.1'],
        IpcMode: 'private',
        CgroupnsMode: 'private',
        Runtime: 'crun',
        ShmSize: 67108864,
        MaskedPaths: [String],
      },
      Config: {
        Hostname: stdout.slice(0, 12),
        Labels: { l: '1' },
        Env: ['PATH=/bin'],
        Cmd: ['-c', 'true'],
        Entrypoint: ['sh'],
        ExposedPorts: { '80/tcp': {} },
        Healthcheck: { Test: ['CMD-SHELL', 'true'] },
        StopSignal: 'INT',
        StopTimeout: 7,
        Image: 'test/busybox',
      },
    });
    await docker('rm', 'shown');
  });

  await t.test('namespaces of other containers', async t => {
    const sleeper = (name: string, ...options: readonly string[]): Promise<Ended> =>
      docker('run', '-d', '--name', name, '--network', 'none', ...options, 'test/busybox', 'sleep', '1000');
    await sleeper('donor', '--ipc', 'shareable', '--hostname', 'given');
    await sleeper('closed');
    await docker('exec', 'donor', 'touch', '/dev/shm/left');
    const joined = ['--network', 'container:donor', '--pid', 'container:donor', '--ipc', 'container:donor'];
    const seen = await docker(
      'create',
      ...joined,
      'test/busybox',
      'sh',
      '-c',
      'ls /dev/shm; cat /proc/1/comm; cat /etc/hostname',
    );
    await docker('rename', 'donor', 'renamed');
    const id = seen.stdout.trim();
    t.match(await docker('start', id), { code: 0 }, 'what was joined may be renamed');
    await docker('wait', id);
    t.match(await docker('logs', id), { stdout: 'left\nsleep\ngiven\n' });
    t.match(
      await docker('run', '-d', '--ipc', 'container:closed', '--network', 'none', 'test/busybox', 'true'),
      {
        code: 125,
        stderr: /can't join IPC of container [0-9a-f]{64}: non-shareable IPC/,
      },
    );
    t.match(await docker('run', '-d', '--network', 'container:nobody', 'test/busybox', 'true'), {
      code: 125,
      stderr: /No such container: nobody/,
    });
    t.match(await run(['--ipc', 'none'], 'ls -d /dev/shm || echo none'), { stdout: 'none\n' });
    t.match(await run(['--pid', 'host', '--uts', 'host'], 'hostname'), { stdout: `${hostname()}\n` });
    const shm = join(
      folder,
      'run/containers',
      (await docker('inspect', '-f', '{{.Id}}', 'renamed')).stdout.trim(),
      'bundle/shm',
    );
    t.match(readFileSync('/proc/self/mountinfo', 'utf8'), shm);
    const all = (await docker('ps', '-aq')).stdout.trim().split('\n');
    t.match(await docker('rm', '-f', ...all), { code: 0 });
    t.notMatch(readFileSync('/proc/self/mountinfo', 'utf8'), shm, 'nothing is left mounted');
  });

  await t.test('an init process reaps and is the first', async t => {
    const { stdout } = await run(['--init'], 'cat /proc/1/cmdline');
    t.match(stdout, /^\/sbin\/docker-init\0--\0sh\0-c/);
  });
});
