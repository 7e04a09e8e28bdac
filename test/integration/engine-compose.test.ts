/**
 * `docker compose` of two Debians, unmodified, with projects as people write them (test/support/compose). In a network
 * namespace that stands for the machine, with a registry that stands for the hub. Needs root.
 */
import { join } from 'node:path';
import type { Test } from 'tap';
import { type RealClient, findClientRoots } from '../support/docker-clients.ts';
import { enterEngineTest } from '../support/private-machine.ts';

const roots = await findClientRoots();
const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'compose', { network: true });

const { default: t } = await import('tap');
const { startClientMachine } = await import('../support/client-machine.ts');
const { eventually } = await import('../support/engine.ts');

t.setTimeout(900_000);
const { network, clients } = await startClientMachine(t, folder, engineRoot, roots);
const { fetch, expectNothing } = network;

/** What is run with a project, from nothing to nothing. */
type Check = (t: Test, client: RealClient) => Promise<void>;

const CHECKS: Readonly<Record<string, Check>> = {
  async site(t, { composed }) {
    await composed('site', 'up', '-d', '--wait');
    t.equal(await eventuallyFetched('http://127.0.0.1:8080'), '<p>mine</p>\n');
    t.match(await composed('site', 'ps'), /site-web-1 .*nginx:alpine .*Up .*0\.0\.0\.0:8080->80\/tcp/);
    t.equal(await composed('site', 'port', 'web', '80'), '0.0.0.0:8080');
    t.match(await composed('site', 'images'), /site-web-1 +nginx +alpine .*2\.\d+MB/);
    t.match(await composed('site', 'top'), /httpd -f -p 80/);
    t.match(await composed('site', 'ls'), /site +running\(1\)/);
    t.match(await composed('site', 'config'), /published: "8080"/);
  },

  async stack(t, { composed }) {
    await composed('stack', 'up', '-d', '--wait');
    const states = await composed('stack', 'ps', '-a', '--format', '{{.Service}} {{.Status}}');
    t.match(states, /^db Up .* \(healthy\)$/m);
    t.match(states, /^cache Up .* \(healthy\)$/m);
    t.match(states, /^migrate Exited \(0\)/m);
    for (const port of [8081, 8082]) {
      t.match(await eventuallyFetched(`http://127.0.0.1:${port}`), /Welcome to nginx/, `port ${port}`);
    }
    const env = await composed('stack', 'exec', '-T', 'api', 'env');
    for (const line of ['LOG_LEVEL=debug', 'QUOTED=a b', 'EMPTY=', 'DATABASE_URL=postgres://app@db/app']) {
      t.ok(env.split('\n').includes(line), line);
    }
    t.equal(
      await composed('stack', 'exec', '-T', 'db', 'cat', '/var/lib/postgresql/data/PG_PASSWORD'),
      's3cret',
    );
    t.match(await composed('stack', 'exec', '-T', 'api', 'nslookup', 'redis'), /Name:\tredis\nAddress/);
    t.match(await composed('stack', 'logs', '--no-log-prefix', 'migrate'), /^postgres\nmigrated$/m);
  },

  async secrets(t, { composed }) {
    await composed('secrets', 'up', '-d');
    const files = ['/run/secrets/db_password', '/etc/api.key', '/etc/app.conf', '/inline'];
    const texts = await composed('secrets', 'exec', '-T', 'db', 'sed', '-e', '$a\\', ...files);
    t.equal(texts, 'from a file\nfrom the shell\nconf=1\nhello=world');
    const kept = await composed('secrets', 'exec', '-T', 'db', 'cat', '/var/lib/postgresql/data/PG_PASSWORD');
    t.equal(kept, 'from a file');
  },

  async profiles(t, { composed }) {
    await composed('profiles', 'up', '-d');
    t.equal(await composed('profiles', 'ps', '--services'), 'app');
    await composed('profiles', '--profile', 'debug', 'up', '-d');
    t.equal(
      await composed('profiles', 'ps', '--format', '{{.Service}} {{.State}} {{.Ports}}'),
      'adminer running 0.0.0.0:8083->80/tcp\napp running 80/tcp',
    );
    t.equal(await composed('profiles', '--profile', 'tools', 'run', '--rm', 'seed'), 'seeded');
  },

  async scale(t, { composed }) {
    const count = async (): Promise<number> =>
      (await composed('scale', 'ps', '-q', 'worker')).split('\n').filter(Boolean).length;
    await composed('scale', 'up', '-d');
    t.equal(await count(), 3);
    const ports = await Promise.all(
      ['1', '2'].map(index => composed('scale', 'port', '--index', index, 'web', '80')),
    );
    t.match(ports.sort().join(' '), /^0\.0\.0\.0:809[0-2] 0\.0\.0\.0:809[0-2]$/);
    t.not(ports[0], ports[1]);
    await composed('scale', 'up', '-d', '--no-recreate', '--scale', 'worker=4');
    t.equal(await count(), 4);
    await composed('scale', 'up', '-d', '--scale', 'worker=1');
    t.equal(await count(), 1);
    t.match(await composed('scale', 'logs', '--no-log-prefix', 'worker'), /^worker [0-9a-f]{12}$/);
  },

  async hardened(t, { composed }) {
    await composed('hardened', 'up', '-d');
    const script = [
      'id; pwd; hostname; ulimit -n; cat /proc/sys/net/core/somaxconn; touch /x; touch /run/y && echo written',
      'grep -E "CapEff|CapBnd|NoNewPrivs" /proc/self/status; cat /etc/hosts; ps -o args',
    ].join('; ');
    const said = await composed('hardened', 'exec', '-T', 'main', 'sh', '-c', `(${script}) 2>&1`);
    t.match(said, /^uid=1000 gid=1000\n\/tmp\nalpha\n1024\n1024\n.*Read-only file system\nwritten$/m);
    t.match(said, /CapEff:\t0{16}\nCapBnd:\t0{13}400\nNoNewPrivs:\t1/);
    t.match(said, /^10\.0\.0\.5\tdb$/m);
    t.match(said, /\thost\.docker\.internal$/m);
    t.match(said, /docker-init/);
    t.match(said, /sleep 1000/, 'the other one lives in the same namespaces');
    t.equal(await composed('hardened', 'exec', '-T', 'side', 'hostname'), 'alpha');
  },

  async legacy(t, { composed, said }) {
    await composed('legacy', 'up', '-d');
    t.match(await composed('legacy', 'exec', '-T', 'app', 'cat', '/etc/hosts'), /\tdatabase legacy_db$/m);
    t.equal(await composed('legacy', 'exec', '-T', 'app', 'wget', '-qO-', 'http://app'), WELCOME);
    await composed('legacy', 'exec', '-T', 'app', 'touch', '/data/x');
    t.equal(await composed('legacy', 'exec', '-T', 'app', 'ls', '/again'), 'x', 'one volume in two places');
    t.match(
      await composed('legacy', 'exec', '-T', 'app', 'stat', '-f', '-c', '%b %S', '/cache'),
      /^256 4096$/,
    );
    t.match(await said('volume', 'ls', '-q'), /^legacy-data$/m);
    t.equal(await said('inspect', 'legacy_db', '-f', '{{.HostConfig.CpuShares}}'), '512');
  },

  async override(t, { composed }) {
    const mode = () => composed('override', 'exec', '-T', 'app', 'sh', '-c', 'echo $MODE');
    await composed('override', 'up', '-d');
    t.equal(await mode(), 'development');
    const first = await composed('override', 'ps', '-q');
    await composed('override', 'up', '-d');
    t.equal(await composed('override', 'ps', '-q'), first, 'nothing has changed, nothing is made anew');
    await composed(
      'override',
      '-f',
      join(import.meta.dirname, '../support/compose/override/compose.yaml'),
      'up',
      '-d',
    );
    t.not(await composed('override', 'ps', '-q'), first);
    t.equal(await mode(), 'production');
  },

  async networks(t, { composed, compose, said }) {
    t.match(await compose('networks', 'up', '-d'), { code: 1, stderr: /network outside .*not.* found/ });
    await said('network', 'create', 'outside');
    await composed('networks', 'up', '-d');
    const inLb = (...words: readonly string[]) => composed('networks', 'exec', '-T', 'lb', ...words);
    t.equal(await inLb('wget', '-qO-', 'http://one'), WELCOME);
    t.equal(await inLb('cat', '/sys/class/net/eth1/address'), '02:42:0a:5b:00:09');
    t.match(await inLb('cat', '/etc/hosts'), /^10\.90\.0\.10\t/m);
    t.match(
      await composed('networks', 'exec', '-T', 'one', 'nslookup', 'balancer'),
      /Name:\tbalancer\nAddress: 10\.91\.0\.\d+/,
    );
    t.ok(network.interfaces().includes('br-front'));
    t.equal(await composed('networks', 'exec', '-T', 'none', 'ls', '/sys/class/net'), 'lo');
    t.match(await composed('networks', 'exec', '-T', 'out', 'ls', '/sys/class/net'), /^uplink$/m);
  },

  async jobs(t, { compose, composed }) {
    const up = await compose('jobs', 'up');
    t.match(up.stdout, /first-1 +\| line 1\n.*line 2\n.*line 3\n/);
    t.match(up.stderr, /second-1 +\| failing\n/);
    const ended = await compose('jobs', 'up', '--exit-code-from', 'second', '--no-deps', 'second');
    t.match(ended, { code: 7 });
    t.match(await composed('jobs', 'ps', '-a', '--format', '{{.Name}} {{.Status}}'), /second-1 Exited \(7\)/);
    await composed('jobs', 'rm', '-f');
    t.equal(await composed('jobs', 'ps', '-aq'), '');
  },

  async limits(t, { composed, said }) {
    await composed('limits', 'up', '-d');
    const host = JSON.parse(await said('inspect', 'limits-agent-1', '-f', '{{json .HostConfig}}')) as object;
    t.match(host, {
      ...{ Memory: 64 * 1024 ** 2, MemoryReservation: 32 * 1024 ** 2, PidsLimit: 40, NanoCpus: 500_000_000 },
      ...{ CpusetCpus: '0', OomScoreAdj: 500, GroupAdd: ['8'], CgroupnsMode: 'private' },
      ...{ RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 }, Annotations: { a: 'b' } },
    });
    t.match(
      await composed('limits', 'exec', '-T', 'agent', 'sh', '-c', 'ls /dev/mynull; id -G'),
      /mynull\n0 8/,
    );
    t.match(await composed('limits', 'stats', '--no-stream'), /limits-agent-1/);
  },

  async talk(t, client) {
    const { compose, composed } = client;
    {
      await using up = client.followingProject('talk', 'up');
      await eventually('a log of what is attached', () => up.text().includes('tick 2') || undefined);
    }
    t.match(await composed('talk', 'ps', '-a'), /Exited \(137\)/, 'Ctrl-C stops the project');
    await composed('talk', 'up', '-d');
    const container = (await composed('talk', 'ps', '-q')).trim();
    await using events = client.followingProject('talk', 'events', '--json');
    await using followed = client.followingProject('talk', 'logs', '-f', '-t', 'app');
    await eventually('a log', () => followed.text().includes('tick 2') || undefined);
    await eventually('listeners', async () => {
      const info = await client.said('info', '-f', '{{.NEventsListener}}');
      return Number(info) >= 1 || undefined;
    });
    t.match(await compose('talk', 'run', '--rm', '-T', '-e', 'X=1', 'app', 'sh', '-c', 'echo $X; exit 5'), {
      code: 5,
      stdout: /^1\n/,
    });
    await composed('talk', 'cp', import.meta.filename, 'app:/tmp/copied');
    t.match(await composed('talk', 'exec', '-T', 'app', 'head', '-n', '1', '/tmp/copied'), '/**');
    await composed('talk', 'pause');
    t.match(await composed('talk', 'ps'), /\(Paused\)/);
    await composed('talk', 'unpause');
    await composed('talk', 'restart', '-t', '0');
    const waited = compose('talk', 'wait', 'app');
    await composed('talk', 'kill', '-s', 'KILL');
    t.match(await waited, { code: 137 });
    t.match(followed.text(), /app-1 +\| \d{4}-\d\d-\d\dT\S+Z tick 1\n/);
    await composed('talk', 'start');
    await composed('talk', 'up', '-d', '--force-recreate');
    t.not(await composed('talk', 'ps', '-q'), container);
    await composed('talk', 'down');
    const actions = await eventually('the last event', () => {
      const lines = events.text().split('\n').filter(Boolean);
      const seen = lines.map(line => (JSON.parse(line) as { action: string }).action);
      return seen.includes('destroy') ? seen.join(' ') : undefined;
    });
    t.match(actions, /extract-to-dir .*pause unpause .*die .*stop .*start .*restart .*kill/);
  },
};

const WELCOME = '<h1>Welcome to nginx!</h1>';

/** The newer one has to do with all of it, the other one with what takes the most of an engine. */
const PROJECTS_OF = {
  stable: ['site', 'stack', 'jobs', 'talk'],
  newer: Object.keys(CHECKS),
};

// It tries for seconds to reach the hub, where no registry has BuildKit.
const building = clients.newer.compose('build', 'build');

for (const name of ['stable', 'newer'] as const) {
  const client = clients[name];
  await t.test(`the ${name} compose`, async t => {
    t.match(
      await client.said('compose', 'version'),
      name === 'stable' ? / 2\.26\./ : / (2\.[4-9]\d|[5-9]|\d\d)\./,
    );
    for (const project of PROJECTS_OF[name]) {
      await t.test(project, async t => {
        try {
          await CHECKS[project]?.(t, client);
        } finally {
          await client.composed(project, '--profile', '*', 'down', '-v', '--remove-orphans', '-t', '0');
        }
        await client.docker('network', 'rm', 'outside');
        t.equal(await client.said('ps', '-aq'), '', `${name}: no container`);
        t.equal(await client.said('volume', 'ls', '-q'), '', `${name}: no volume`);
        expectNothing(t, name);
      });
    }
  });
}

await t.test('a build wants BuildKit in a container of its own, since the engine has none', async t => {
  t.match(await building, { code: 1, stderr: /moby\/buildkit/ });
});

function eventuallyFetched(url: string): Promise<string> {
  return eventually(url, async () => (await fetch(url)) || undefined);
}
