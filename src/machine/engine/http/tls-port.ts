import type { TlsSettings } from '../../../shared/engine-settings.ts';
import type { TlsFiles } from '../settings/tls-files.ts';
import type { ApiServer } from './server.ts';

/** A TLS server whose certificates can be renewed. */
export interface TlsServer extends ApiServer {
  /** For connections from now on; those that are open stay. */
  renew(files: TlsFiles): void;
}

/** The API's TCP port: open where the settings ask for one. Disposing of it closes it. */
export class TlsPort implements AsyncDisposable {
  readonly #open: (address: TlsSettings, files: TlsFiles) => Promise<TlsServer>;
  #server: TlsServer | undefined;
  #address: TlsSettings | undefined;

  /** @param open throws API_LISTEN_FAILED */
  constructor(open: (address: TlsSettings, files: TlsFiles) => Promise<TlsServer>) {
    this.#open = open;
  }

  /**
   * Opens, moves, renews or closes the port. What cannot be done leaves it as it was: throws what reading the files and
   * opening a port throw.
   */
  async apply(wanted: TlsSettings | undefined, readFiles: () => Promise<TlsFiles>): Promise<void> {
    if (wanted === undefined) {
      await this[Symbol.asyncDispose]();
      return;
    }
    const files = await readFiles();
    if (this.#address?.host === wanted.host && this.#address.port === wanted.port) {
      this.#server?.renew(files);
      return;
    }
    const server = await this.#open(wanted, files);
    await this[Symbol.asyncDispose]();
    this.#server = server;
    this.#address = wanted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#address = undefined;
    await server?.[Symbol.asyncDispose]();
  }
}
