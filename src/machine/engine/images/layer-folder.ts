import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../../shared/digest.ts';

/** Names of the files in a layer's folder. */
export const LAYER_FILES = { erofs: 'layer.erofs', headers: 'headers', facts: 'layer.json' } as const;

/** A folder in the making begins so; whatever is in it means nothing. */
export const MAKING = '.new-';

/** layer.json */
export interface LayerFacts {
  readonly schema: 1;
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest;
  /** Its length. */
  readonly sizeBytes: number;
}

/** A layer's uncompressed tar on the store's disk, its digest known, nothing in it looked at yet. */
export interface SpooledLayer extends AsyncDisposable {
  readonly diffId: Digest;
  readonly sizeBytes: number;
  /** Folder in the making, on the store's file system. */
  readonly folder: string;
  readonly tar: string;
}

/** The record of a layer's tar headers. */
export function readHeaders(folder: string): AsyncIterable<Uint8Array> {
  return createReadStream(join(folder, LAYER_FILES.headers));
}
