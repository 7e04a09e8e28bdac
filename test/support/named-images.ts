import { readFileSync } from 'node:fs';
import { bytesContent } from '../../src/shared/archive/entry.ts';
import { type TestImage, blobsOf, entry, file, imageOf, tarOf } from './oci-image.ts';
import { type RegistryProgram, type TestRegistry, push, startRegistry } from './registry.ts';

/** Every program that the stand-ins below, or other people's commands and health checks, call by name. */
const APPLETS = [
  ...[
    'sh',
    'cat',
    'sleep',
    'echo',
    'ls',
    'id',
    'env',
    'stat',
    'grep',
    'sed',
    'awk',
    'head',
    'wc',
    'seq',
    'nc',
  ],
  ...['wget', 'httpd', 'hostname', 'nslookup', 'touch', 'mkdir', 'rm', 'cp', 'mv', 'chmod', 'date', 'true'],
  ...[
    'false',
    'kill',
    'ps',
    'tty',
    'stty',
    'test',
    'tar',
    'tail',
    'trap',
    'usleep',
    'whoami',
    'printf',
    'dd',
  ],
];

const script = (path: string, text: string) => file(path, `#!/bin/sh\n${text}`, { mode: 0o755 });
/** A server in the foreground that ends at once when it is asked to. */
const serving = (command: string): string =>
  `trap 'kill $!; exit 0' TERM QUIT INT\n${command} &\nwhile :; do wait $!; done\n`;

/** What the stand-in for an image has of its own: entries of its second layer, and its configuration. */
interface StandIn {
  readonly files: Parameters<typeof tarOf>[0];
  readonly config: object;
}

const STAND_INS: Readonly<Record<string, StandIn>> = {
  'library/busybox:latest': { files: [], config: { Cmd: ['sh'] } },
  'library/alpine:3.20': { files: [file('etc/alpine-release', '3.20.0\n')], config: { Cmd: ['/bin/sh'] } },
  'library/nginx:alpine': {
    files: [
      entry('directory', 'usr/share/nginx/html'),
      file('usr/share/nginx/html/index.html', '<h1>Welcome to nginx!</h1>\n'),
      script(
        'usr/sbin/nginx',
        `echo "$(date) [notice] start worker processes" >&2\n${serving('httpd -f -p 80 -h /usr/share/nginx/html')}`,
      ),
    ],
    config: {
      Entrypoint: ['/docker-entrypoint.sh'],
      Cmd: ['nginx', '-g', 'daemon off;'],
      ExposedPorts: { '80/tcp': {} },
      StopSignal: 'SIGQUIT',
      Labels: { maintainer: 'test' },
    },
  },
  'library/redis:7-alpine': {
    files: [
      entry('directory', 'data'),
      script(
        'usr/bin/redis-server',
        `echo "1:M $(date) * Ready to accept connections tcp"\n${serving('nc -ll -p 6379 -e echo +PONG')}`,
      ),
      script('usr/bin/redis-cli', 'nc 127.0.0.1 6379 </dev/null | sed s/+//\n'),
    ],
    config: {
      Entrypoint: ['/docker-entrypoint.sh'],
      Cmd: ['redis-server'],
      ExposedPorts: { '6379/tcp': {} },
      Volumes: { '/data': {} },
      WorkingDir: '/data',
    },
  },
  'library/postgres:16': {
    files: [
      entry('directory', 'var/lib/postgresql/data', { mode: 0o700, uid: 70, gid: 70 }),
      script(
        'usr/bin/postgres',
        [
          'if [ -z "$POSTGRES_PASSWORD" ] && [ -n "$POSTGRES_PASSWORD_FILE" ]; then',
          '  POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")\nfi',
          '[ -n "$POSTGRES_PASSWORD" ] || { echo "Error: superuser password is not specified." >&2; exit 1; }',
          'echo "$POSTGRES_PASSWORD" > /var/lib/postgresql/data/PG_PASSWORD',
          'echo "LOG:  database system is ready to accept connections" >&2',
          serving('nc -ll -p 5432 -e echo postgres'),
        ].join('\n'),
      ),
      script('usr/bin/pg_isready', 'nc 127.0.0.1 5432 </dev/null && echo accepting connections\n'),
    ],
    config: {
      Entrypoint: ['/docker-entrypoint.sh'],
      Cmd: ['postgres'],
      Env: ['PATH=/bin:/usr/bin:/usr/sbin', 'PGDATA=/var/lib/postgresql/data', 'LANG=en_US.utf8'],
      ExposedPorts: { '5432/tcp': {} },
      Volumes: { '/var/lib/postgresql/data': {} },
      StopSignal: 'SIGINT',
    },
  },
};

/** What testcontainers leaves running to clear up: it says what it was told to remove, and removes nothing. */
const REAPER: StandIn = {
  files: [
    // Its client connects once, as soon as it reads the word.
    script('bin/ryuk', `announce &\n${serving('nc -ll -p 8080 -e /bin/session')}`),
    script(
      'bin/announce',
      "until grep -qs ':1F90 ' /proc/net/tcp /proc/net/tcp6; do usleep 10000; done\necho Started\n",
    ),
    script('bin/session', 'while read -r line; do echo "$line" >/proc/1/fd/1; echo ACK; done\n'),
  ],
  config: { Cmd: ['ryuk'], ExposedPorts: { '8080/tcp': {} } },
};

/**
 * Images under the names that other people's compose files and tests ask for. Each is busybox with a script that
 * behaves as far as such a file can tell: it listens, has a health command, a volume, a stop signal.
 */
export async function makeNamedImages(busybox: string): Promise<ReadonlyMap<string, TestImage>> {
  const base = await tarOf([
    ...['bin', 'etc', 'proc', 'dev', 'sys', 'run', 'root', 'mnt', 'usr', 'var'].map(name =>
      entry('directory', name),
    ),
    entry('directory', 'tmp', { mode: 0o1777 }),
    file('bin/busybox', '', { mode: 0o755, content: bytesContent(readFileSync(busybox)) }),
    ...APPLETS.map(name => entry('symlink', `bin/${name}`, { target: 'busybox', mode: 0o777 })),
    file(
      'etc/passwd',
      'root:x:0:0:root:/root:/bin/sh\npostgres:x:70:70::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n',
    ),
    file('etc/group', 'root:x:0:\npostgres:x:70:\nnobody:x:65534:\n'),
    // testcontainers asks for it, and where a program is missing a host that reaps its children late keeps a stop waiting.
    script('bin/bash', 'exec sh "$@"\n'),
    script('docker-entrypoint.sh', 'exec "$@"\n'),
  ]);
  const images = new Map<string, TestImage>();
  for (const [name, { files, config }] of Object.entries({
    ...STAND_INS,
    'testcontainers/ryuk:0.14.0': REAPER,
  })) {
    const layers = files.length === 0 ? [base] : [base, await tarOf(files)];
    const created = '2024-05-06T07:08:09.123456789Z';
    images.set(
      name,
      imageOf(layers, { created, config: { Env: ['PATH=/bin:/usr/bin:/usr/sbin'], ...config } }),
    );
  }
  return images;
}

/** A registry with those images, to be the mirror of docker.io. */
export async function startHub(
  program: RegistryProgram,
  folder: string,
  busybox: string,
): Promise<TestRegistry> {
  const registry = await startRegistry(program, folder, 'anonymous');
  for (const [name, image] of await makeNamedImages(busybox)) {
    const [repository = '', tag = ''] = name.split(':');
    await push(registry.host, repository, blobsOf(image), [{ blob: image.manifest, tag }]);
  }
  return registry;
}
