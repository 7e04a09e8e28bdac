import { readFile } from 'node:fs/promises';
import { ask } from './ask.ts';
import { bytesContent } from '../../src/shared/archive/entry.ts';
import { hexOf } from '../../src/shared/digest.ts';
import { entry, file, imageOf, tarOf } from '../support/oci-image.ts';

/** An archive of `docker save` with `conformance/base:1`, which has all an image can have, and `conformance/plain:1`. */
export async function conformanceImages(busybox: string): Promise<Buffer> {
  const program = await readFile(busybox);
  const lower = await tarOf([
    entry('directory', 'bin'),
    entry('file', 'bin/busybox', { mode: 0o755, content: bytesContent(program) }),
    ...['sh', 'cat', 'sleep', 'echo', 'rm', 'true'].map(name =>
      entry('symlink', `bin/${name}`, { target: 'busybox', mode: 0o777 }),
    ),
    entry('directory', 'etc'),
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n'),
    file('etc/group', 'root:x:0:\napp:x:1000:\nextra:x:2000:app\n'),
    file('etc/old', 'to be removed\n'),
    entry('directory', 'tmp', { mode: 0o1777 }),
  ]);
  const upper = await tarOf([entry('directory', 'srv'), file('srv/data', 'data\n')]);
  const base = imageOf([lower, upper], {
    docker: true,
    created: '2024-01-02T03:04:05.123456789Z',
    config: {
      Env: ['PATH=/bin', 'FROM=image'],
      Cmd: ['sh'],
      Labels: { tier: 'image' },
      ExposedPorts: { '8080/tcp': {} },
      Volumes: { '/srv': {} },
      WorkingDir: '/tmp',
      StopSignal: 'SIGTERM',
      OnBuild: ['RUN true'],
    },
  });
  const plain = imageOf([lower], { docker: true, config: { Cmd: null, Env: null } });
  const named = [
    { image: base, tags: ['conformance/base:1'], layers: [lower, upper] },
    { image: plain, tags: ['conformance/plain:1'], layers: [lower] },
  ];
  const manifest = named.map(({ image, tags }) => ({
    Config: `${hexOf(image.config.digest)}.json`,
    RepoTags: tags,
    Layers: image.diffIds.map(diffId => `${hexOf(diffId)}/layer.tar`),
  }));
  const files = new Map<string, Uint8Array>([['manifest.json', Buffer.from(JSON.stringify(manifest))]]);
  for (const { image, layers } of named) {
    files.set(`${hexOf(image.config.digest)}.json`, image.config.bytes);
    image.diffIds.forEach((diffId, index) => files.set(`${hexOf(diffId)}/layer.tar`, layers[index] ?? lower));
  }
  return tarOf([...files].map(([path, bytes]) => entry('file', path, { content: bytesContent(bytes) })));
}

/** Loads them into an engine; throws when it does not. */
export async function loadImages(socketPath: string, archive: Buffer): Promise<void> {
  const { status, body } = await ask(
    socketPath,
    {
      route: 'imageLoad',
      what: 'the images',
      request: 'POST /images/load',
      body: archive,
      headers: { 'Content-Type': 'application/x-tar' },
      status: 200,
      read: 'lines',
    },
    new Map(),
  );
  const said = JSON.stringify(body);
  if (status !== 200 || !said.includes('Loaded image')) throw new Error(`loading images: ${status} ${said}`);
}
