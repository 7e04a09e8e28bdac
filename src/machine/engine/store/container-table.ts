import { rmSync } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ToolError, isSystemError, messageOf } from '../../../shared/errors.ts';
import { listMountPoints } from '../../host/mounts.ts';
import { removeTree } from '../../host/remove-tree.ts';
import type { Log } from '../../log.ts';
import { conflict, invalidParameter, nameInUse, noSuchContainer } from '../docker-errors.ts';
import { type ContainerRecord, parseContainerRecord } from './container-record.ts';
import { type ContainerPaths, type EnginePaths, containerPaths } from './engine-paths.ts';
import { loadJson, saveJson, syncFolder } from './json-file.ts';
import { findLostBundles } from './lost-bundles.ts';
import { RecordWatchers } from './record-watchers.ts';
import { fillReserve } from './reserve.ts';
import { type StepListener, unwatched } from '../steps.ts';

const CREATING = '.creating-';
const REMOVING = '.removing-';

/**
 * All containers: their records in memory, each change first on disk.
 *
 * INVARIANTS
 * 1. A folder `containers/ID` holds a whole record: it is made under another name and renamed, and
 *    renamed away before it is taken apart.
 * 2. A name or an id belongs to one container from `reserve` on, also while it is being made. A record
 *    that is loaded under a name in use is reachable by its id only.
 * 3. What `get` answers has been written, except for what has happened anyway (`note`). Both are only called by
 *    the operation that holds the container's place in the queue.
 */
export class ContainerTable {
  readonly #paths: EnginePaths;
  readonly #log: Log;
  readonly #step: StepListener;
  readonly #onUnwritten: () => void;
  readonly #records = new Map<string, ContainerRecord>();
  readonly #homes = new Map<string, string>();
  readonly #names = new Map<string, string>();
  readonly #unwritten = new Set<string>();
  readonly #watchers = new RecordWatchers();
  #stateContainers: string | undefined;

  /** @param onUnwritten called when `note` could not write */
  constructor(
    paths: EnginePaths,
    log: Log,
    step: StepListener = unwatched,
    onUnwritten: () => void = () => undefined,
  ) {
    this.#step = step;
    this.#onUnwritten = onUnwritten;
    this.#paths = paths;
    this.#log = log;
  }

  /** True once state-scoped containers have a place that lasts. */
  get hasState(): boolean {
    return this.#stateContainers !== undefined;
  }

  /** The engine's folder where new containers are kept: on state, if there is some. */
  get root(): string {
    return dirname(this.#stateContainers ?? this.#paths.containers);
  }

  /** Reads the records of this boot; returns those that were read. */
  async loadBoot(): Promise<ContainerRecord[]> {
    return this.#load(this.#paths.containers);
  }

  /** Reads the state-scoped records; from now on new ones are kept there. */
  async loadState(stateRoot: string): Promise<ContainerRecord[]> {
    const folder = join(stateRoot, 'containers');
    const records = await this.#load(folder);
    this.#stateContainers = folder;
    for (const lost of await findLostBundles(this.#paths.containers, folder)) await this.#discard(lost);
    return records;
  }

  /** All records, the oldest first. */
  all(): ContainerRecord[] {
    return [...this.#records.values()];
  }

  /** The record of a whole id, if it is still there. */
  find(id: string): ContainerRecord | undefined {
    return this.#records.get(id);
  }

  /** The record of a whole id. Throws CONTAINER_NOT_FOUND. */
  get(id: string): ContainerRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw noSuchContainer(id);
    return record;
  }

  /** Finds a container by id, name (with or without its slash) or an unambiguous start of an id. */
  resolve(nameOrId: string): ContainerRecord {
    const exact = this.#records.get(nameOrId);
    if (exact !== undefined) return exact;
    const id = this.#names.get(nameOrId.startsWith('/') ? nameOrId.slice(1) : nameOrId);
    const named = id === undefined ? undefined : this.#records.get(id);
    if (named !== undefined) return named;
    if (nameOrId === '') throw invalidParameter('invalid name or ID supplied: ""');
    if (!/^[0-9a-f]{1,64}$/.test(nameOrId)) throw noSuchContainer(nameOrId);
    const matches = this.all().filter(record => record.id.startsWith(nameOrId));
    if (matches.length > 1) throw conflict(`multiple IDs found with provided prefix: ${nameOrId}`);
    if (matches[0] === undefined) throw noSuchContainer(nameOrId);
    return matches[0];
  }

  paths(id: string): ContainerPaths {
    return containerPaths(this.#paths, this.#homes.get(id) ?? join(this.#paths.containers, id), id);
  }

  /** Whether a container, or one that is being made, has this name. */
  readonly hasName = (name: string): boolean => this.#names.has(name);

  /** Takes a name for a container that is being made. Throws CONTAINER_NAME_CONFLICT. */
  reserve(name: string, id: string): void {
    const holder = this.#names.get(name);
    if (holder !== undefined) throw nameInUse(name, holder);
    this.#names.set(name, id);
  }

  /** Gives a reserved name back. */
  release(name: string): void {
    this.#names.delete(name);
  }

  /** Gives a container another name. Throws CONTAINER_NAME_CONFLICT. */
  async rename(id: string, name: string): Promise<void> {
    const { name: old } = this.get(id);
    this.reserve(name, id);
    try {
      await this.update(id, { name });
    } catch (error) {
      this.release(name);
      throw error;
    }
    if (this.#names.get(old) === id) this.#names.delete(old);
  }

  /** Publishes a new container, whose name was reserved. */
  async add(record: ContainerRecord): Promise<void> {
    const parent = record.scope === 'state' ? this.#stateContainers : undefined;
    const containers = parent ?? this.#paths.containers;
    const home = join(containers, record.id);
    const temporary = join(containers, `${CREATING}${record.id}`);
    let made = temporary;
    await fillReserve(dirname(containers));
    try {
      this.#step('record: make its folder');
      await mkdir(temporary, { mode: 0o700 });
      await mkdir(join(temporary, 'logs'), { mode: 0o700 });
      this.#step('record: write');
      await saveJson(join(temporary, 'record.json'), record, parent !== undefined);
      this.#step('record: publish');
      await rename(temporary, home);
      made = home;
      if (parent !== undefined) await syncFolder(containers);
    } catch (error) {
      await this.#discard(made);
      throw error;
    }
    this.#homes.set(record.id, home);
    this.#records.set(record.id, record);
    this.#watchers.announce(record.id, record);
  }

  /** Writes a change, then shows it to everyone. */
  async update(id: string, change: Partial<ContainerRecord>): Promise<ContainerRecord> {
    const record = { ...this.get(id), ...change };
    this.#step('record: change');
    await saveJson(this.paths(id).record, record, this.#isDurable(record), () =>
      this.#step('record: replace'),
    );
    this.#unwritten.delete(id);
    this.#records.set(id, record);
    this.#watchers.announce(id, record);
    return record;
  }

  /**
   * The same for what has happened already and cannot be undone: a record that cannot be written is logged, everyone is
   * shown the change, and the answer is false. The next change of the record writes it too (see `unwritten`).
   */
  async note(id: string, change: Partial<ContainerRecord>): Promise<boolean> {
    try {
      await this.update(id, change);
      return true;
    } catch (error) {
      const isTooLarge = error instanceof ToolError && error.code === 'RECORD_TOO_LARGE';
      if (!isTooLarge && !isSystemError(error, 'ENOSPC', 'EDQUOT', 'EROFS', 'EIO')) throw error;
      const record = { ...this.get(id), ...change };
      if (!this.#unwritten.has(id)) {
        this.#log.error('a change of a container could not be written', {
          container: record.name,
          reason: messageOf(error),
        });
      }
      this.#unwritten.add(id);
      this.#onUnwritten();
      this.#records.set(id, record);
      this.#watchers.announce(id, record);
      return false;
    }
  }

  /** Containers with changes that could not be written. */
  get unwritten(): ReadonlySet<string> {
    return this.#unwritten;
  }

  /** Forgets a container whose processes and mounts are gone, and deletes its files. */
  async delete(id: string): Promise<void> {
    const record = this.get(id);
    const { home } = this.paths(id);
    const away = join(home, '..', `${REMOVING}${id}`);
    this.#step('record: put away');
    await rename(home, away);
    this.#records.delete(id);
    this.#unwritten.delete(id);
    this.#homes.delete(id);
    if (this.#names.get(record.name) === id) this.#names.delete(record.name);
    // It is gone, even if its files cannot be deleted now.
    this.#watchers.announce(id, undefined);
    this.#step('record: delete');
    const bundle = join(this.#paths.containers, id);
    await Promise.all([away, ...(home === bundle ? [] : [bundle])].map(folder => this.#discard(folder)));
    await fillReserve(join(home, '../..'));
  }

  /**
   * Resolves with what `test` answers first, now or after a change; it is given undefined once the
   * container is gone. Rejects with the signal's reason on abort.
   */
  waitFor<T>(
    id: string,
    test: (record: ContainerRecord | undefined) => T | undefined,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#watchers.waitFor(id, this.#records.get(id), test, signal);
  }

  /** What cannot be deleted now, on a read-only disk for instance, is tried again at the next start. */
  async #discard(folder: string): Promise<void> {
    try {
      // What the container wrote may be much, and nested deeper than a path can say; the rest is the engine's own.
      for (const name of ['upper', 'work']) await removeTree(join(folder, name));
      const isMountedBelow = listMountPoints().some(point => point.startsWith(`${folder}/`));
      if (isMountedBelow) throw new Error('something is still mounted there');
      rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      this.#log.warning('what is left of a container could not be deleted', {
        folder,
        reason: messageOf(error),
      });
    }
  }

  #isDurable(record: ContainerRecord): boolean {
    return record.scope === 'state' && this.#homes.get(record.id) !== join(this.#paths.containers, record.id);
  }

  /** A container that is there already keeps its name. */
  #claimName({ name, id }: ContainerRecord): void {
    const holder = this.#names.get(name) ?? id;
    if (holder === id) this.#names.set(name, id);
    else {
      this.#log.error('two containers have the same name; the second is reachable by its id only', {
        container: name,
        holder,
        second: id,
      });
    }
  }

  async #load(containers: string): Promise<ContainerRecord[]> {
    await mkdir(containers, { recursive: true, mode: 0o700 });
    await fillReserve(dirname(containers));
    const records: ContainerRecord[] = [];
    for (const name of (await readdir(containers)).sort()) {
      const home = join(containers, name);
      if (name.startsWith(CREATING) || name.startsWith(REMOVING)) {
        await this.#discard(home);
        continue;
      }
      try {
        const file = join(home, 'record.json');
        const value = await loadJson(file);
        // A bundle of a state-scoped container has no record of its own here.
        if (value === undefined) continue;
        const record = parseContainerRecord(value, file);
        if (record.id !== name) throw new Error(`reading ${file}: it is the record of ${record.id}`);
        records.push(record);
      } catch (error) {
        if (isSystemError(error, 'EIO')) throw error;
        this.#log.error('a container record cannot be read; it is left alone', { reason: messageOf(error) });
      }
    }
    records.sort((a, b) => a.createdAtMs - b.createdAtMs);
    // All at once, and in the order of listing, which is that of insertion.
    for (const record of records) {
      this.#records.set(record.id, record);
      this.#homes.set(record.id, join(containers, record.id));
      this.#claimName(record);
    }
    return records;
  }
}
