import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, hexOf, isDigest } from '../../../shared/digest.ts';
import { messageOf } from '../../../shared/errors.ts';
import { killByArgument } from '../../host/processes.ts';
import type { Log } from '../../log.ts';
import { missingProgram } from '../docker-errors.ts';
import { KeyedQueue } from '../keyed-queue.ts';
import { loadJson, syncFolder } from '../store/json-file.ts';
import { LAYER_FILES, type LayerFacts, MAKING, type SpooledLayer } from './layer-folder.ts';

const REMOVING = '.removing-';

export interface LayerStoreOptions {
  /** `layers` of the store. */
  readonly folder: string;
  /** Whether layers have to survive a power cut. */
  readonly durable: boolean;
  /** mkfs.erofs; without it nothing can be added. */
  readonly mkfsErofs: string | undefined;
  readonly log: Log;
  /** Told what comes next. */
  readonly onStep: (step: string) => void;
}

export interface AddLayerOptions {
  /** For messages. */
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (bytes: number) => void;
}

/**
 * The layers of one writable store: a folder `layers/HEX` for each, with the EROFS file, the tar's headers and
 * the facts.
 *
 * INVARIANTS
 * 1. A folder `layers/HEX` is whole: it is made under another name and renamed, and renamed away before it is
 *    taken apart.
 * 2. A layer is removed only while no image names it and nobody has pinned it; whoever makes an image pins its
 *    layers before looking whether they are there.
 */
export class LayerStore {
  readonly #options: LayerStoreOptions;
  readonly #layers = new Map<Digest, LayerFacts>();
  readonly #pins = new Map<Digest, number>();
  readonly #queue = new KeyedQueue();

  constructor(options: LayerStoreOptions) {
    this.#options = options;
  }

  /** Reads what is there, and takes away what an engine that was killed left half-made. */
  async load(): Promise<void> {
    const { folder, log, mkfsErofs } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      if (name.startsWith(MAKING)) {
        if (mkfsErofs !== undefined) killByArgument(join(path, LAYER_FILES.erofs), [mkfsErofs]);
        await discard(path, log);
      } else if (name.startsWith(REMOVING)) await discard(path, log);
      else {
        try {
          const facts = parseLayerFacts(await loadJson(join(path, LAYER_FILES.facts)), name);
          this.#layers.set(facts.diffId, facts);
        } catch (error) {
          log.error('a layer cannot be read; it is left alone', { layer: name, reason: messageOf(error) });
        }
      }
    }
  }

  get(diffId: Digest): LayerFacts | undefined {
    return this.#layers.get(diffId);
  }

  all(): LayerFacts[] {
    return [...this.#layers.values()];
  }

  folderOf(diffId: Digest): string {
    return join(this.#options.folder, hexOf(diffId));
  }

  /** The layer's EROFS file. */
  fileOf(diffId: Digest): string {
    return join(this.folderOf(diffId), LAYER_FILES.erofs);
  }

  /** Keeps a layer, whether it is there already or not, until the answer is disposed of. */
  pin(diffId: Digest): Disposable {
    this.#pins.set(diffId, (this.#pins.get(diffId) ?? 0) + 1);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        const count = (this.#pins.get(diffId) ?? 1) - 1;
        if (count === 0) this.#pins.delete(diffId);
        else this.#pins.set(diffId, count);
      },
    };
  }

  /**
   * Writes a tar to the store's disk, for `add`. Throws ENGINE_PROGRAM_MISSING, LAYER_TOO_LARGE, what the source throws, and I/O
   * errors.
   */
  async spool(
    source: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
    maxBytes?: number,
  ): Promise<SpooledLayer> {
    this.checkWritable();
    const { folder, onStep } = this.#options;
    const { spoolLayer } = await import('./layer-file.ts');
    return spoolLayer(source, { layers: folder, onStep, maxBytes, signal });
  }

  /**
   * Publishes a spooled layer, which the caller has pinned; one that is there already stays. Throws what
   * `packLayer` throws.
   */
  async add(layer: SpooledLayer, options: AddLayerOptions): Promise<LayerFacts> {
    const { durable, onStep } = this.#options;
    const program = this.checkWritable();
    return this.#queue.run(layer.diffId, async () => {
      const known = this.#layers.get(layer.diffId);
      if (known !== undefined) return known;
      const { packLayer } = await import('./layer-file.ts');
      await packLayer(layer, { ...options, program, durable, onStep });
      onStep('layer: publish');
      await rename(layer.folder, this.folderOf(layer.diffId));
      if (durable) await syncFolder(this.#options.folder);
      const facts: LayerFacts = { schema: 1, diffId: layer.diffId, sizeBytes: layer.sizeBytes };
      this.#layers.set(layer.diffId, facts);
      return facts;
    });
  }

  /** Removes every layer that nobody has pinned and for which `isUsed` answers false; answers those removed. */
  async removeUnused(isUsed: (diffId: Digest) => boolean): Promise<LayerFacts[]> {
    const removed: LayerFacts[] = [];
    for (const facts of this.all()) {
      const { diffId } = facts;
      await this.#queue.run(diffId, async () => {
        if (!this.#layers.has(diffId) || this.#pins.has(diffId) || isUsed(diffId)) return;
        this.#layers.delete(diffId);
        const away = join(this.#options.folder, `${REMOVING}${hexOf(diffId)}`);
        this.#options.onStep('layer: put away');
        try {
          await rename(this.folderOf(diffId), away);
        } catch (error) {
          this.#layers.set(diffId, facts);
          throw error;
        }
        removed.push(facts);
        this.#options.onStep('layer: delete');
        await discard(away, this.#options.log);
      });
    }
    return removed;
  }

  /** mkfs.erofs. Throws ENGINE_PROGRAM_MISSING where the machine has none. */
  checkWritable(): string {
    const { mkfsErofs } = this.#options;
    if (mkfsErofs === undefined) throw missingProgram('mkfs.erofs', 'keeping an image');
    return mkfsErofs;
  }
}

/** Deletes what was put away; what cannot be deleted now is tried again at the next start. */
export async function discard(folder: string, log: Log): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    log.warning('what is left of an image could not be deleted', { folder, reason: messageOf(error) });
  }
}

function parseLayerFacts(value: unknown, name: string): LayerFacts {
  const facts = value as Partial<LayerFacts> | null | undefined;
  const isWhole =
    facts?.schema === 1 &&
    isDigest(facts.diffId) &&
    hexOf(facts.diffId) === name &&
    Number.isSafeInteger(facts.sizeBytes);
  if (!isWhole) throw new Error(`${LAYER_FILES.facts} is not of schema 1, or of another layer`);
  return facts as LayerFacts;
}
