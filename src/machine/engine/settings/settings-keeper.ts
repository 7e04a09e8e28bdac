import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import type { EngineSettings } from '../../../shared/engine-settings.ts';
import type { HostCertificates } from '../../../shared/oci/registry-fetch.ts';
import type { EngineConfig } from '../engine-config.ts';
import { joinSettings, parseDaemonJson } from './daemon-json.ts';
import { readRegistryCertificates } from './registry-certificates.ts';
import { readSmallFile } from './small-file.ts';
import { type TlsFiles, readTlsFiles } from './tls-files.ts';

/** Of the folder of state: what is set on the machine and lasts. */
const STATE_SETTINGS = 'etc';

/**
 * What is set of the engine now: what the image says, over that daemon.json of the image's folder, over that the one on
 * state. A file with a fault changes nothing: what was read of it before holds.
 */
export class SettingsKeeper {
  readonly #config: Pick<EngineConfig, 'settings' | 'programs' | 'log' | 'announce'>;
  /** By folder, earlier ones first: what its daemon.json says. */
  readonly #read = new Map<string, EngineSettings>();
  /** What is wrong, by what it is wrong with. */
  readonly #faults = new Map<string, string>();
  #current: EngineSettings;

  constructor(config: Pick<EngineConfig, 'settings' | 'settingsFolder' | 'programs' | 'log' | 'announce'>) {
    this.#config = config;
    this.#current = config.settings ?? {};
    if (config.settingsFolder !== undefined) this.#read.set(config.settingsFolder, {});
  }

  get current(): EngineSettings {
    return this.#current;
  }

  /** What is wrong with the settings of the machine. */
  get faults(): readonly string[] {
    return [...this.#faults.values()];
  }

  /** State has been mounted. @param stateRoot the engine's folder on it */
  addState(stateRoot: string): void {
    const folder = join(stateRoot, STATE_SETTINGS);
    if (!this.#read.has(folder)) this.#read.set(folder, {});
  }

  /** Reads every daemon.json again. */
  async load(): Promise<void> {
    for (const folder of this.#read.keys()) {
      const path = join(folder, 'daemon.json');
      try {
        const file = await readSmallFile(path);
        const read = file === undefined ? {} : this.#possible(parseDaemonJson(file.text, path), path);
        this.#read.set(folder, read);
        this.say(path, undefined);
      } catch (error) {
        this.say(path, messageOf(error));
      }
    }
    this.#current = [...this.#read.values()].reduce(joinSettings, this.#config.settings ?? {});
  }

  /** Certificates and key of the TLS port. Throws TLS_FILES_UNUSABLE. */
  readTlsFiles(): Promise<TlsFiles> {
    return readTlsFiles(this.#folders('tls'));
  }

  /** Certificates for a registry, `HOST[:PORT]`; undefined where nobody has put any. Throws I/O errors. */
  certificatesOf(host: string): HostCertificates | undefined {
    return readRegistryCertificates(this.#folders('certs.d'), host);
  }

  /** Keeps a fault, or forgets it; a new one is told to people, once. */
  say(what: string, fault: string | undefined): void {
    if (fault === this.#faults.get(what)) return;
    if (fault === undefined) {
      this.#faults.delete(what);
      return;
    }
    this.#faults.set(what, fault);
    this.#config.log.warning(`settings: ${fault}`);
    this.#config.announce?.(`settings of system-docker: ${fault}`);
  }

  #folders(name: string): string[] {
    return [...this.#read.keys()].map(folder => join(folder, name));
  }

  /** A runtime that the image left out can't be the default. */
  #possible(settings: EngineSettings, path: string): EngineSettings {
    if (settings.defaultRuntime !== 'runc' || this.#config.programs.runc !== undefined) return settings;
    throw new Error(`${path}: "default-runtime" is runc, which this image does not have (engine.runtimes)`);
  }
}
