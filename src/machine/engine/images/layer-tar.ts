import { createHash, randomBytes } from 'node:crypto';
import { constants, type ReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError } from '../../../shared/errors.ts';
import { restoreTar } from '../../../shared/oci/tar-headers.ts';
import { passingBytes } from '../../host/passing-bytes.ts';
import type { Image, ImageLayer } from './image.ts';

const READ_BYTES = 256 * 1024;

/**
 * A layer's uncompressed tar, byte for byte as it came. Throws LAYER_DAMAGED at its end unless it has the digest
 * that it should have, TAR_HEADERS_MALFORMED, PROGRAM_FAILED.
 */
export async function* readLayerTar(
  image: Pick<Image, 'home'>,
  layer: ImageLayer,
): AsyncGenerator<Uint8Array> {
  const { home } = image;
  const holder = `tar-${randomBytes(8).toString('hex')}`;
  const name = `layer ${layer.diffId}`;
  try {
    const [folder = ''] = await home.openLayers([layer], holder);
    const hash = createHash('sha256');
    // The record names paths without links: it was made of the same entries as the folder.
    const tar = restoreTar(home.readHeaders(layer.diffId), path => readFileAt(join(folder, path)), name);
    const passing = passingBytes();
    for await (const piece of tar) {
      hash.update(piece);
      yield piece;
      passing(piece.length);
    }
    const digest = `sha256:${hash.digest('hex')}`;
    if (digest !== layer.diffId) {
      throw new ToolError(`reading ${name}: what is stored has the digest ${digest}`, {
        code: 'LAYER_DAMAGED',
        kind: 'integrity',
        hint: 'remove the image and pull it again',
      });
    }
  } finally {
    home.releaseLayers(holder);
  }
}

async function* readFileAt(path: string): AsyncGenerator<Uint8Array> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stream: ReadStream = handle.createReadStream({ highWaterMark: READ_BYTES });
  for await (const piece of stream) yield piece as Uint8Array;
}
