// The image that every engine runs: one layer with a static busybox. And a layer to pull, in the registry.
import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { URL } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

const { fetch } = globalThis;
export const IMAGE = 'localhost/bench:latest';
/** The same with another layer, so that a container of it, which stays, keeps no layer of `IMAGE` mounted. */
export const REFERENCE_IMAGE = 'localhost/reference:latest';
export const REGISTRY = '127.0.0.1:5000';
const BUSYBOX = '/usr/bin/busybox';
const APPLETS = ['cat', 'sh', 'sleep', 'true'];
const LAYER_FILES = 256;
const LAYER_FILE_BYTES = 256 * 1024;

const sha256 = bytes => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const tar = (folder, file, ...names) =>
  execFileSync(BUSYBOX, ['tar', '-cf', file, '-C', folder, ...names], { stdio: 'inherit' });

function describe(layer) {
  return JSON.stringify({
    architecture: { x64: 'amd64' }[process.arch] ?? process.arch,
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: ['true'] },
    rootfs: { type: 'layers', diff_ids: [sha256(layer)] },
  });
}

/** Writes an image into `folder` as `docker save` does; answers where. */
export function makeArchive(folder, name) {
  const [root, archive] = [`${folder}/root`, `${folder}/archive`];
  mkdirSync(`${root}/bin`, { recursive: true });
  writeFileSync(`${root}/name`, name);
  mkdirSync(archive);
  copyFileSync(BUSYBOX, `${root}/bin/busybox`);
  for (const applet of APPLETS) symlinkSync('busybox', `${root}/bin/${applet}`);
  tar(root, `${archive}/layer.tar`, '.');
  writeFileSync(`${archive}/config.json`, describe(readFileSync(`${archive}/layer.tar`)));
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }];
  writeFileSync(`${archive}/manifest.json`, JSON.stringify(manifest));
  tar(archive, `${folder}/image.tar`, 'manifest.json', 'config.json', 'layer.tar');
  return `${folder}/image.tar`;
}

/** Puts an image into the registry whose one layer packs to about half. */
export async function pushLayer(folder, name) {
  const root = `${folder}/layer`;
  mkdirSync(`${root}/data`, { recursive: true });
  for (let file = 0; file < LAYER_FILES; file++) {
    writeFileSync(`${root}/data/${file}`, content(file));
  }
  tar(root, `${folder}/layer.tar`, '.');
  const layer = readFileSync(`${folder}/layer.tar`);
  const packed = gzipSync(layer, { level: 1 });
  const config = Buffer.from(describe(layer));
  for (const blob of [packed, config]) await pushBlob(name, blob);
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: {
      mediaType: 'application/vnd.docker.container.image.v1+json',
      size: config.length,
      digest: sha256(config),
    },
    layers: [
      {
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
        size: packed.length,
        digest: sha256(packed),
      },
    ],
  };
  await send('PUT', `/v2/${name}/manifests/1`, manifest.mediaType, Buffer.from(JSON.stringify(manifest)));
  return { layerBytes: layer.length, packedBytes: packed.length, digest: sha256(packed) };
}

/** What nobody who pulls a layer can do without: fetch, hash, unzip, hash. Milliseconds. */
export async function pullFloor(name, digest) {
  const beganMs = performance.now();
  const answer = await fetch(`http://${REGISTRY}/v2/${name}/blobs/${digest}`);
  const packed = Buffer.from(await answer.arrayBuffer());
  if (sha256(packed) !== digest) throw new Error('the registry has answered something else');
  sha256(gunzipSync(packed));
  return performance.now() - beganMs;
}

/** Half of it packs to nothing, half not at all; the same at every run. */
function content(seed) {
  const bytes = Buffer.alloc(LAYER_FILE_BYTES, `file ${seed}\n`);
  let block = createHash('sha512').update(String(seed)).digest();
  for (let offset = 0; offset < LAYER_FILE_BYTES; offset += 2 * block.length) {
    block.copy(bytes, offset);
    block = createHash('sha512').update(block).digest();
  }
  return bytes;
}

async function pushBlob(name, blob) {
  const { headers } = await send('POST', `/v2/${name}/blobs/uploads/`);
  const place = new URL(headers.get('location'), `http://${REGISTRY}`);
  place.searchParams.set('digest', sha256(blob));
  await send('PUT', place.pathname + place.search, 'application/octet-stream', blob);
}

async function send(method, path, type, body) {
  const answer = await fetch(`http://${REGISTRY}${path}`, {
    method,
    ...(body === undefined ? {} : { body, headers: { 'Content-Type': type } }),
  });
  if (!answer.ok) throw new Error(`registry, ${method} ${path}: ${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
  return answer;
}
