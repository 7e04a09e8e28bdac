/** A manifest of one's own: an image from a registry and a recipe folder, built and running. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { hostArch } from '../../src/shared/arch.ts';
import { bytesContent } from '../../src/shared/archive/entry.ts';
import { buildArtifacts } from '../support/artifacts.ts';
import { BOOT_TEST_MS, bootMachine } from '../support/boot.ts';
import { unpackPackageSets } from '../support/locked-tools.ts';
import { entry, imageOf, tarOf } from '../support/oci-image.ts';
import { findRegistryProgram, push, startRegistry } from '../support/registry.ts';

t.setTimeout(BOOT_TEST_MS);
const folder = t.testdir();
const arch = hostArch(process.arch);
if (!arch) throw new Error(`nothing can be booted on ${process.arch}`);

const [busyboxRoot = ''] = await unpackPackageSets([{ arch, set: { want: ['busybox-static'], omit: [] } }]);
const busybox = await readFile(join(busyboxRoot, 'usr/bin/busybox'));
const image = imageOf(
  [
    await tarOf([
      entry('directory', 'bin'),
      entry('file', 'bin/busybox', { mode: 0o755, content: bytesContent(busybox) }),
      entry('symlink', 'bin/sh', { target: 'busybox' }),
      entry('file', 'etc/told', { content: bytesContent('the lower layer\n') }),
    ]),
    await tarOf([entry('file', 'etc/told', { content: bytesContent('the upper layer\n') })]),
  ],
  {
    arch,
    config: {
      Cmd: ['/bin/sh', '-c', 'echo "$GREETING, says $(busybox cat /etc/told)"; exec busybox sleep 1000000'],
      Env: ['PATH=/bin', 'GREETING=good morning'],
    },
  },
);
const registry = await startRegistry(await findRegistryProgram(), join(folder, 'registry'), 'anonymous');
t.teardown(() => registry[Symbol.asyncDispose]());
await push(
  registry.host,
  'team/greeter',
  [image.config, ...image.layers],
  [{ blob: image.manifest, tag: '1.0' }],
);

// Debian's program with its library, and a start script of the recipe's own.
const recipe = join(folder, 'project', 'hello');
await mkdir(join(recipe, 'rootfs/usr/sbin'), { recursive: true });
await writeFile(
  join(recipe, 'image.yml'),
  `description: GNU hello
packages: [hello, busybox-static]
config:
  command: [/usr/sbin/start-hello]
  user: '1000:1000'
`,
);
await writeFile(
  join(recipe, 'rootfs/usr/sbin/start-hello'),
  '#!/bin/sh\nhello --greeting="from the recipe, as user $(id -u)"\nexec sleep 1000000\n',
  { mode: 0o755 },
);

const { iso = '' } = await buildArtifacts(
  join(folder, 'project'),
  `name: my-own
version: '2.5'
kernel: { platforms: [virtio] }
services:
  - { name: udev, image: udev }
  - { name: network, image: network }
  - { name: console, image: console }
  - name: greeter
    image: ${registry.host}/team/greeter:1.0
    after: [hello]
  - name: hello
    image: ./hello
    env: [PATH=/usr/bin:/bin, LC_ALL=C]
files:
  - { path: etc/my-own, contents: "mine\\n", mode: '0644' }
`,
);

const machine = await bootMachine({ boot: { kind: 'cd', file: iso } });
t.teardown(() => machine[Symbol.asyncDispose]());
const ready = await machine.ready();
t.equal(ready.name, 'my-own');
t.same(ready.failed, []);
t.equal(ready.up, 5);

t.test("Docker's own client lists both, under the names they were given", async t => {
  const { stdout, stderr } = await machine.docker('ps', '--format', '{{.Names}} {{.Image}} {{.State}}');
  t.equal(stderr, '');
  const lines = stdout.trim().split('\n');
  t.ok(lines.includes(`greeter ${registry.host}/team/greeter:1.0 running`), stdout);
  t.ok(
    lines.some(line => /^hello \S*hello\S* running$/.test(line)),
    stdout,
  );
});

t.test('both run what their image says, with what the manifest adds', async t => {
  t.equal(await machine.root('system-docker logs greeter'), 'good morning, says the upper layer\n');
  t.equal(await machine.root('system-docker logs hello'), 'from the recipe, as user 1000\n');
});

t.test("the image's id and the manifest's file are the same on the machine", async t => {
  const { stdout, stderr } = await machine.docker('inspect', 'greeter', '--format', '{{.Image}}');
  t.equal(stdout.trim(), image.config.digest, stderr);
  t.equal(await machine.root('cat /proc/1/root/etc/my-own'), 'mine\n');
});
