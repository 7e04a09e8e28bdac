import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestOf, hexOf } from '../../../shared/digest.ts';
import { isSystemError, messageOf } from '../../../shared/errors.ts';
import type { Log } from '../../log.ts';
import { KeyedQueue } from '../keyed-queue.ts';
import { syncFolder } from '../store/json-file.ts';
import type { ImageFacts, ImageHome, ImageLayer, KnownManifest } from './image.ts';
import {
  type NewImage,
  loadImageFolder,
  malformedImage,
  readImageConfig,
  readImageManifest,
  writeImageFolder,
} from './image-folder.ts';
import { readHeaders } from './layer-folder.ts';
import { LayerMounts } from './layer-mounts.ts';
import { LayerStore, discard } from './layer-store.ts';
import {
  NO_REFERENCES,
  type ReferenceChange,
  type References,
  copyReferences,
  loadReferencesOrSetAside,
  namedImages,
  saveReferences,
  withoutImage,
} from './references.ts';

const MAKING = '.new-';
const REMOVING = '.removing-';
/** A file in the folder of an image that is removed, and stays for what was made of it. */
const FORGOTTEN = 'forgotten';
/** The one key of the queue: names and images change one after the other. */
const STORE = 'store';

export interface ImageStoreOptions {
  /** `images` and `layers` are in it. */
  readonly folder: string;
  /** Where layers are mounted; on a tmpfs of this boot. */
  readonly mounts: string;
  /** Whether it has to survive a power cut. */
  readonly durable: boolean;
  readonly busybox: string;
  /** mkfs.erofs; without it nothing can be added. */
  readonly mkfsErofs: string | undefined;
  readonly log: Log;
  /** Told what comes next. */
  readonly onStep: (step: string) => void;
}

/**
 * One writable store: on state, or in memory for a machine without.
 *
 * INVARIANTS
 * 1. A folder `images/HEX` is a whole image whose layers are all there: it is made under another name and
 *    renamed after its layers, and renamed away before them.
 * 2. An image that gets names is made known by them: its folder is complete under the other name, then the
 *    references are saved, then it is renamed. Of a folder with the other name, `load` therefore knows whether the
 *    image was promised to anybody: if it has a name it is put in place, else it is taken away.
 * 3. Names of images that are not there, neither here nor in a read-only store, mean nothing.
 * 4. An image that is forgotten has no name, and nobody is shown it; what was made of it finds it by its id.
 */
export class ImageStore implements ImageHome {
  readonly isReadOnly = false;
  readonly layers: LayerStore;
  readonly #options: ImageStoreOptions;
  readonly #folder: string;
  readonly #mounts: LayerMounts;
  readonly #queue = new KeyedQueue();
  readonly #images = new Map<Digest, ImageFacts>();
  readonly #forgotten = new Set<Digest>();
  #references: References = NO_REFERENCES;

  constructor(options: ImageStoreOptions) {
    const { durable, mkfsErofs, log, onStep } = options;
    this.#options = options;
    this.#folder = join(options.folder, 'images');
    this.#mounts = new LayerMounts(options.busybox, options.mounts, log);
    this.layers = new LayerStore({ folder: join(options.folder, 'layers'), durable, mkfsErofs, log, onStep });
  }

  /** Reads what is there, completes or takes away what an engine that was killed left half-done. */
  async load(): Promise<void> {
    const folder = this.#folder;
    const { log } = this.#options;
    const complain = (image: string, error: unknown): void => {
      log.error('an image cannot be read; it is left alone', { image, reason: messageOf(error) });
    };
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await this.layers.load();
    const references = await loadReferencesOrSetAside(folder, log);
    this.#references = references ?? NO_REFERENCES;
    const named = references === undefined ? undefined : namedImages(references);
    for (const name of await readdir(folder)) {
      if (name.startsWith(REMOVING)) await discard(join(folder, name), log);
      if (!name.startsWith(MAKING)) continue;
      const hex = name.slice(MAKING.length);
      if (named?.has(hex) === false) await discard(join(folder, name), log);
      else await this.#publishFolder(hex).catch((error: unknown) => complain(name, error));
    }
    for (const name of await readdir(folder)) {
      if (!/^[0-9a-f]{64}$/.test(name)) continue;
      try {
        const id: Digest = `sha256:${name}`;
        this.#images.set(id, await this.#readImage(join(folder, name), id));
        const mark = join(folder, name, FORGOTTEN);
        if (!existsSync(mark)) continue;
        // A mark that an engine was killed over must not count when the name has moved on some day.
        if (named?.has(name) === true) await rm(mark, { force: true });
        else this.#forgotten.add(id);
      } catch (error) {
        complain(name, error);
      }
    }
    // Layers of images that cannot be read stay, as somebody may still repair them.
    const readable = new Set([...this.#images.keys()].map(hexOf));
    const isWhole = (await readdir(folder)).every(name => name.length !== 64 || readable.has(name));
    if (isWhole) await this.#removeUnusedLayers().catch((error: unknown) => complain('layers', error));
  }

  /** Whether it outlives the boot. */
  get isDurable(): boolean {
    return this.#options.durable;
  }

  get references(): References {
    return this.#references;
  }

  images(): ImageFacts[] {
    return [...this.#images.values()].filter(({ id }) => !this.#forgotten.has(id));
  }

  /** Images that were removed while something was made of them. */
  get forgotten(): ReadonlySet<Digest> {
    return this.#forgotten;
  }

  /** Also one that is forgotten. */
  get(id: Digest): ImageFacts | undefined {
    return this.#images.get(id);
  }

  readConfig(id: Digest): Promise<Buffer> {
    return readImageConfig(join(this.#folder, hexOf(id)));
  }

  readManifest(id: Digest): Promise<KnownManifest | undefined> {
    return readImageManifest(join(this.#folder, hexOf(id)));
  }

  async openLayers(layers: readonly ImageLayer[], holder: string): Promise<string[]> {
    const folders: string[] = [];
    for (const { diffId } of layers) {
      folders.push(await this.#mounts.open(diffId, this.layers.fileOf(diffId), holder));
    }
    return folders;
  }

  releaseLayers(holder: string): void {
    this.#mounts.release(holder);
  }

  /** Registers a holder of an image whose layers an earlier engine mounted. */
  adoptLayers(id: Digest, holder: string): void {
    for (const { diffId } of this.#images.get(id)?.layers ?? []) this.#mounts.adopt(diffId, holder);
  }

  /** Unmounts layers that nobody has, once all holders have been registered. */
  sweepMounts(): Promise<void> {
    return this.#mounts.sweep();
  }

  readHeaders(diffId: Digest): AsyncIterable<Uint8Array> {
    return readHeaders(this.layers.folderOf(diffId));
  }

  /**
   * Keeps an image and gives it names, all or nothing. One that is there already only gets the names.
   * @param name puts the names into the references
   */
  async publish(image: NewImage, name: (references: ReferenceChange, id: Digest) => void): Promise<Digest> {
    const id = digestOf(image.config);
    return this.#queue.run(STORE, async () => {
      const references = copyReferences(this.#references);
      name(references, id);
      if (this.#images.has(id)) {
        await this.#saveReferences(references);
        if (this.#forgotten.delete(id)) await rm(join(this.#folder, hexOf(id), FORGOTTEN), { force: true });
      } else {
        this.#options.onStep('image: write');
        const making = join(this.#folder, `${MAKING}${hexOf(id)}`);
        await writeImageFolder(making, id, image, this.#options.durable);
        const isNamed = [...references.tags.values(), ...references.digests.values()].includes(id);
        let facts: ImageFacts;
        try {
          // What cannot be read again must not take anybody's name.
          facts = await this.#readImage(making, id);
          if (isNamed) await this.#saveReferences(references);
        } catch (error) {
          await rm(making, { recursive: true, force: true });
          throw error;
        }
        await this.#publishFolder(hexOf(id));
        this.#images.set(id, facts);
      }
      return id;
    });
  }

  /** Changes names alone. */
  async rename(change: (references: ReferenceChange) => void): Promise<void> {
    await this.#queue.run(STORE, async () => {
      const references = copyReferences(this.#references);
      change(references);
      await this.#saveReferences(references);
    });
  }

  /**
   * Removes an image with its names, and the layers that no other image has; answers those. One that is used is only
   * forgotten. Throws I/O errors, and then it is as it was.
   */
  async remove(id: Digest, isUsed: () => boolean = () => false): Promise<ImageLayer[]> {
    return this.#queue.run(STORE, () => this.#removeNow(id, isUsed));
  }

  /** The same for one that was forgotten, unless it was pulled or named again meanwhile. */
  async removeForgotten(id: Digest, isUsed: () => boolean): Promise<void> {
    await this.#queue.run(STORE, async () => {
      if (this.#forgotten.has(id)) await this.#removeNow(id, isUsed);
    });
  }

  async #removeNow(id: Digest, isUsed: () => boolean): Promise<ImageLayer[]> {
    const facts = this.#images.get(id);
    if (facts === undefined) return [];
    const references = withoutImage(this.#references, id);
    if (isUsed()) {
      await writeFile(join(this.#folder, hexOf(id), FORGOTTEN), '');
      await this.#saveReferences(references);
      this.#forgotten.add(id);
      return [];
    }
    // Nobody can begin to use it from here on.
    this.#images.delete(id);
    const away = join(this.#folder, `${REMOVING}${hexOf(id)}`);
    this.#options.onStep('image: put away');
    try {
      await rename(join(this.#folder, hexOf(id)), away);
    } catch (error) {
      this.#images.set(id, facts);
      throw error;
    }
    this.#forgotten.delete(id);
    if (this.#options.durable) await syncFolder(this.#folder);
    await this.#forgetNames(references);
    this.#options.onStep('image: delete');
    await discard(away, this.#options.log);
    return this.#removeIdleLayers();
  }

  /** Of an image that is gone already, so that its names mean nothing even where they cannot be taken off the disk. */
  async #forgetNames(references: References): Promise<void> {
    try {
      await this.#saveReferences(references);
    } catch (error) {
      this.#references = references;
      this.#options.log.warning('the names of a removed image could not be written', {
        reason: messageOf(error),
      });
    }
  }

  /** Removes layers that no image has and nobody has pinned; answers them. */
  async removeUnusedLayers(): Promise<ImageLayer[]> {
    return this.#queue.run(STORE, () => this.#removeIdleLayers());
  }

  /** One that is mounted keeps its place on the disk. */
  async #removeIdleLayers(): Promise<ImageLayer[]> {
    await this.sweepMounts();
    return this.#removeUnusedLayers();
  }

  #removeUnusedLayers(): Promise<ImageLayer[]> {
    const used = new Set(
      [...this.#images.values()].flatMap(image => image.layers.map(layer => layer.diffId)),
    );
    return this.layers.removeUnused(diffId => used.has(diffId));
  }

  async #saveReferences(references: References): Promise<void> {
    this.#options.onStep('images: write the names');
    await saveReferences(this.#folder, references, this.#options.durable);
    this.#references = references;
  }

  async #publishFolder(hex: string): Promise<void> {
    this.#options.onStep('image: publish');
    try {
      await rename(join(this.#folder, `${MAKING}${hex}`), join(this.#folder, hex));
    } catch (error) {
      // An image of that id is there: that one is as good.
      if (!isSystemError(error, 'ENOTEMPTY', 'EEXIST')) throw error;
      await rm(join(this.#folder, `${MAKING}${hex}`), { recursive: true, force: true });
    }
    if (this.#options.durable) await syncFolder(this.#folder);
  }

  async #readImage(home: string, id: Digest): Promise<ImageFacts> {
    const facts = await loadImageFolder(home, id);
    const missing = facts.layers.find(layer => this.layers.get(layer.diffId) === undefined);
    if (missing !== undefined) throw malformedImage(home, `its layer ${missing.diffId} is missing`);
    return { ...facts, home: this };
  }
}
