import type { Digest } from '../../../shared/digest.ts';
import type { StoredLayer } from '../../../shared/machine-image.ts';
import type { ImageRunConfig, Platform } from '../../../shared/oci/image.ts';

/** An image of any store, ready to be run. */
export interface Image {
  /** `sha256:…` of its configuration. */
  readonly id: Digest;
  /** Names with a tag, `docker.io/library/alpine:3.22`; of a recipe, the recipe's. */
  readonly names: readonly string[];
  /** `docker.io/library/alpine@sha256:…` */
  readonly repoDigests: readonly string[];
  /** Lowest first. */
  readonly layers: readonly ImageLayer[];
  readonly run: ImageRunConfig;
  readonly platform: Platform;
  /** Milliseconds since 1970, as its configuration says; 0 where it does not. */
  readonly createdAtMs: number;
  /** Length of its layers' tars together. */
  readonly sizeBytes: number;
  /** The image it was made from on this machine. */
  readonly parent?: Digest;
  /** Part of the machine's own image: it cannot be removed. */
  readonly isReadOnly: boolean;
  /** Where it lies. */
  readonly home: ImageHome;
}

export interface ImageLayer {
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest;
  /** Its length. */
  readonly sizeBytes: number;
}

/** What an image's publisher called it, kept so that the same can be pushed again. */
export interface KnownManifest {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** A store, as far as its images need it. */
export interface ImageHome {
  readonly isReadOnly: boolean;
  /** The image's configuration, byte for byte. Throws I/O errors when its file system has gone. */
  readConfig(id: Digest): Promise<Buffer>;
  /** The manifest it was pulled with; undefined for one that was not. */
  readManifest(id: Digest): Promise<KnownManifest | undefined>;
  /** Folders of layers in the same order, for as long as `holder` has them. Throws PROGRAM_FAILED. */
  openLayers(layers: readonly ImageLayer[], holder: string): Promise<string[]>;
  /** Gives back what `openLayers` gave to a holder. */
  releaseLayers(holder: string): void;
  /** The record of a layer's tar headers. */
  readHeaders(diffId: Digest): AsyncIterable<Uint8Array>;
}

/** What of an image does not change, without its names. */
export type ImageFacts = Omit<Image, 'names' | 'repoDigests'>;

/** Sum of the layers' lengths. */
export function sizeOf(layers: readonly StoredLayer[]): number {
  return layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
}
