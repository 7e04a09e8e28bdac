import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError, messageOf } from '../../../shared/errors.ts';
import type { Log } from '../../log.ts';
import { ambiguousNetwork, noSuchNetwork } from '../docker-errors.ts';
import { loadJson, saveJson, syncFolder } from '../store/json-file.ts';
import { type NetworkRecord, parseNetworkRecord, predefinedId } from './network-record.ts';

interface Entry {
  readonly record: NetworkRecord;
  readonly folder: string;
  readonly durable: boolean;
}

/**
 * The bridge networks: their records in memory, each change first on disk. What a network looks like on the machine is
 * netavark's, which makes it with the first container and takes it away with the last.
 *
 * INVARIANTS
 * 1. Changes are made by whoever holds the queue's key of networks (see NETWORKS_KEY), one at a time.
 * 2. The default network is kept for a boot only: its addresses depend on what else the machine is connected to.
 */
export class NetworkTable {
  readonly #log: Log;
  readonly #bootFolder: string;
  readonly #entries = new Map<string, Entry>();
  #stateFolder: string | undefined;

  constructor(bootFolder: string, log: Log) {
    this.#bootFolder = bootFolder;
    this.#log = log;
  }

  /** True once networks have a place that lasts. */
  get hasState(): boolean {
    return this.#stateFolder !== undefined;
  }

  /** Reads the networks of this boot. */
  async loadBoot(): Promise<void> {
    await this.#load(this.#bootFolder, false);
  }

  /** Reads the networks that last; from now on new ones are kept there. */
  async loadState(stateRoot: string): Promise<void> {
    const folder = join(stateRoot, 'networks');
    await this.#load(folder, true);
    this.#stateFolder = folder;
  }

  /** All networks, the oldest first. */
  all(): NetworkRecord[] {
    return [...this.#entries.values()]
      .map(({ record }) => record)
      .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
  }

  /** Finds a network by id, name or an unambiguous start of an id. Throws NETWORK_AMBIGUOUS. */
  find(nameOrId: string): NetworkRecord | undefined {
    const exact = this.#entries.get(nameOrId);
    if (exact !== undefined) return exact.record;
    const named = this.all().find(({ name }) => name === nameOrId);
    if (named !== undefined) return named;
    if (!/^[0-9a-f]{1,64}$/.test(nameOrId)) return undefined;
    const matches = this.all().filter(({ id }) => id.startsWith(nameOrId));
    if (matches.length > 1) throw ambiguousNetwork(nameOrId, matches.length);
    return matches[0];
  }

  /** The same; throws NETWORK_NOT_FOUND as well. */
  resolve(nameOrId: string): NetworkRecord {
    const record = this.find(nameOrId);
    if (record === undefined) throw noSuchNetwork(nameOrId);
    return record;
  }

  /** Publishes a new network, or another form of one. */
  async save(record: NetworkRecord): Promise<void> {
    const known = this.#entries.get(record.id);
    const isLasting = this.#stateFolder !== undefined && record.id !== predefinedId('bridge');
    const { folder, durable } = known ?? {
      folder: isLasting ? (this.#stateFolder ?? this.#bootFolder) : this.#bootFolder,
      durable: isLasting,
    };
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await saveJson(join(folder, `${record.id}.json`), record, durable);
    this.#entries.set(record.id, { record, folder, durable });
  }

  /** Forgets a network. */
  async delete(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    await rm(join(entry.folder, `${id}.json`), { force: true });
    if (entry.durable) await syncFolder(entry.folder);
    this.#entries.delete(id);
  }

  async #load(folder: string, durable: boolean): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of (await readdir(folder)).sort()) {
      const file = join(folder, name);
      if (!/^[0-9a-f]{64}\.json$/.test(name)) {
        // A write that was cut off.
        if (name.endsWith('.new')) await rm(file, { force: true }).catch(() => undefined);
        continue;
      }
      try {
        const record = parseNetworkRecord(await loadJson(file), file);
        if (this.all().some(other => other.name === record.name)) {
          this.#log.error('two networks have the same name; the second is reachable by its id only', {
            network: record.name,
          });
        }
        this.#entries.set(record.id, { record, folder, durable });
      } catch (error) {
        if (isSystemError(error, 'EIO')) throw error;
        this.#log.error('a network record cannot be read; it is left alone', { reason: messageOf(error) });
      }
    }
  }
}

/** The queue's key of everything that changes networks, addresses and ports. */
export const NETWORKS_KEY = 'networks';
