import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { buildArtifacts } from './artifacts.ts';

const RECIPE = join(import.meta.dirname, 'peers');
const MANIFEST = `name: peers
kernel: { platforms: [virtio] }
services:
  - { name: udev, image: udev }
  - { name: network, image: network }
  - { name: console, image: console }
  - { name: peers, image: ./peers }
`;

/** Where Docker's daemon of the service `peers` listens. */
export const PEER_SOCKET = '/run/peers/docker.sock';
/** Two engines, their layers in memory, and what they run. */
export const PEER_MEMORY_MB = 4096;

/**
 * Builds a system with system-docker and, as its service `peers`, Debian's Docker Engine, which listens on
 * `PEER_SOCKET`, and podman (`system-docker exec peers podman …`). `folder` gets manifest, recipe and artifacts.
 */
export async function buildPeersImage(folder: string): Promise<{ readonly iso: string }> {
  await cp(RECIPE, join(folder, 'peers'), { recursive: true });
  const { iso = '' } = await buildArtifacts(folder, MANIFEST);
  return { iso };
}
