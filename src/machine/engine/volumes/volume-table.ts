import { mkdir, readdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSystemError, messageOf } from '../../../shared/errors.ts';
import { listMountPoints } from '../../host/mounts.ts';
import { removeTree } from '../../host/remove-tree.ts';
import type { Log } from '../../log.ts';
import { noSuchVolume } from '../docker-errors.ts';
import { loadJson, saveJson, syncFolder } from '../store/json-file.ts';
import { CountedSet } from '../counted-set.ts';
import { type StepListener, unwatched } from '../steps.ts';
import { type VolumeRecord, parseVolumeRecord } from './volume-record.ts';

const CREATING = '.creating-';
const REMOVING = '.removing-';

/** A volume and where it lies. */
export interface Volume {
  readonly record: VolumeRecord;
  /** `volume.json` and `_data` are in it. */
  readonly home: string;
  /** What containers see; the mount point of a volume with options. */
  readonly data: string;
  /** Lasts beyond the boot. */
  readonly durable: boolean;
}

/**
 * All volumes: their records in memory, each change first on disk.
 *
 * INVARIANTS
 * 1. A folder `volumes/NAME` holds a whole volume: it is made under another name and renamed, and renamed
 *    away before it is taken apart.
 * 2. A folder with something mounted below it is never taken apart: what is mounted belongs to others.
 * 3. Changes of one volume are made one after the other, by whoever holds the queue's key of its name.
 */
export class VolumeTable {
  readonly #log: Log;
  readonly #step: StepListener;
  readonly #bootFolder: string;
  readonly #volumes = new Map<string, Volume>();
  readonly #holds = new CountedSet<string>();
  #stateFolder: string | undefined;

  constructor(bootFolder: string, log: Log, step: StepListener = unwatched) {
    this.#step = step;
    this.#bootFolder = bootFolder;
    this.#log = log;
  }

  /** True once volumes have a place that lasts. */
  get hasState(): boolean {
    return this.#stateFolder !== undefined;
  }

  /** Reads the volumes of this boot; returns them. */
  async loadBoot(): Promise<Volume[]> {
    return this.#load(this.#bootFolder, false);
  }

  /** Reads the volumes that last; from now on new ones are kept there. */
  async loadState(stateRoot: string): Promise<Volume[]> {
    const folder = join(stateRoot, 'volumes');
    const volumes = await this.#load(folder, true);
    this.#stateFolder = folder;
    return volumes;
  }

  /** All volumes, sorted by name. */
  all(): Volume[] {
    return [...this.#volumes.values()].sort((a, b) => (a.record.name < b.record.name ? -1 : 1));
  }

  find(name: string): Volume | undefined {
    return this.#volumes.get(name);
  }

  /** Throws VOLUME_NOT_FOUND. */
  get(name: string): Volume {
    const volume = this.#volumes.get(name);
    if (volume === undefined) throw noSuchVolume(name);
    return volume;
  }

  /** Publishes a new, empty volume. @param scope `boot` keeps it in memory even where there is state */
  async add(record: VolumeRecord, scope: 'boot' | 'state'): Promise<Volume> {
    const durable = scope === 'state' && this.#stateFolder !== undefined;
    const folder = scope === 'state' ? (this.#stateFolder ?? this.#bootFolder) : this.#bootFolder;
    const home = join(folder, record.name);
    const temporary = join(folder, `${CREATING}${record.name}`);
    const volume = { record, home, data: join(home, '_data'), durable };
    // Of a volume of this name whose making failed.
    await removeTree(temporary);
    let made = temporary;
    try {
      this.#step('volume: make');
      await mkdir(join(temporary, '_data'), { recursive: true, mode: 0o755 });
      await saveJson(join(temporary, 'volume.json'), record, durable);
      this.#step('volume: publish');
      await rename(temporary, home);
      made = home;
      if (durable) await syncFolder(folder);
    } catch (error) {
      await removeTree(made).catch(() => undefined);
      throw error;
    }
    this.#volumes.set(record.name, volume);
    return volume;
  }

  /** Writes a change, then shows it to everyone. */
  async update(name: string, change: Partial<VolumeRecord>): Promise<Volume> {
    const volume = this.get(name);
    const record = { ...volume.record, ...change };
    this.#step('volume: change');
    await saveJson(join(volume.home, 'volume.json'), record, volume.durable);
    const changed = { ...volume, record };
    this.#volumes.set(name, changed);
    return changed;
  }

  /** Forgets a volume that nobody uses, and deletes its files. Throws an I/O error while something is mounted in it. */
  async delete(name: string): Promise<void> {
    const { home } = this.get(name);
    const away = join(dirname(home), `${REMOVING}${name}`);
    if (hasMounts(home)) throw new Error(`something is mounted in ${home}`);
    await removeTree(away);
    this.#step('volume: put away');
    await rename(home, away);
    this.#volumes.delete(name);
    this.#step('volume: delete');
    await this.#discard(away);
  }

  /** Keeps a volume from being removed until `release`: a container that will use it is being made. */
  hold(name: string): void {
    this.#holds.add(name);
  }

  release(name: string): void {
    this.#holds.delete(name);
  }

  isHeld(name: string): boolean {
    return this.#holds.has(name);
  }

  async #load(folder: string, durable: boolean): Promise<Volume[]> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const volumes: Volume[] = [];
    for (const name of (await readdir(folder)).sort()) {
      const home = join(folder, name);
      if (name.startsWith(CREATING) || name.startsWith(REMOVING)) {
        await this.#discard(home);
        continue;
      }
      try {
        const file = join(home, 'volume.json');
        const record = parseVolumeRecord(await loadJson(file), file);
        const volume = { record, home, data: join(home, '_data'), durable };
        if (record.name !== name || this.#volumes.has(name)) {
          this.#log.error('two volumes have the same name; the second is left alone', { volume: name, home });
          continue;
        }
        this.#volumes.set(name, volume);
        volumes.push(volume);
      } catch (error) {
        if (isSystemError(error, 'EIO')) throw error;
        this.#log.error('a volume cannot be read; it is left alone', { reason: messageOf(error) });
      }
    }
    return volumes;
  }

  /** What cannot be deleted now is tried again at the next start. */
  async #discard(folder: string): Promise<void> {
    try {
      if (hasMounts(folder)) throw new Error('something is mounted in it');
      await removeTree(folder);
    } catch (error) {
      this.#log.warning('what is left of a volume could not be deleted', {
        folder,
        reason: messageOf(error),
      });
    }
  }
}

function hasMounts(folder: string): boolean {
  return listMountPoints().some(point => point === folder || point.startsWith(`${folder}/`));
}
