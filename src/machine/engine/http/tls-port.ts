import { messageOf } from '../../../shared/errors.ts';
import type { TlsSettings } from '../../../shared/engine-settings.ts';
import type { SettingsKeeper } from '../settings/settings-keeper.ts';
import type { TlsFiles } from '../settings/tls-files.ts';
import type { ApiServer } from './server.ts';

/** A TLS server whose certificates can be renewed. */
export interface TlsServer extends ApiServer {
  /** For connections from now on; those that are open stay. */
  renew(files: TlsFiles): void;
}

type Serve = (address: TlsSettings, files: TlsFiles) => Promise<TlsServer>;

/** The API's TCP port: open where the settings ask for one. Disposing of it closes it. */
export class TlsPort implements AsyncDisposable {
  readonly #serve: Serve;
  #open: { readonly address: TlsSettings; readonly files: TlsFiles; readonly server: TlsServer } | undefined;

  /** @param serve throws API_LISTEN_FAILED */
  constructor(serve: Serve) {
    this.#serve = serve;
  }

  /**
   * Opens, moves, renews or closes the port as the settings say. What cannot be done leaves it as it was, and is among the
   * faults of the settings.
   */
  async follow(settings: SettingsKeeper): Promise<void> {
    const { tls } = settings.current;
    try {
      if (tls === undefined) await this[Symbol.asyncDispose]();
      const files = tls === undefined ? undefined : await settings.readTlsFiles();
      settings.say('TLS files', files?.warning);
      if (tls !== undefined && files !== undefined) await this.#apply(tls, files);
      settings.say('TLS port', undefined);
    } catch (error) {
      settings.say('TLS port', `TLS port ${tls?.port ?? ''}: ${messageOf(error)}`);
    }
  }

  async #apply(address: TlsSettings, files: TlsFiles): Promise<void> {
    const before = this.#open;
    if (before?.address.host === address.host && before.address.port === address.port) {
      before.server.renew(files);
      this.#open = { ...before, files };
      return;
    }
    // Two addresses of one port may exclude each other.
    const mustMakeRoom = before?.address.port === address.port;
    if (mustMakeRoom) await this[Symbol.asyncDispose]();
    let server: TlsServer;
    try {
      server = await this.#serve(address, files);
    } catch (error) {
      if (mustMakeRoom) this.#open = { ...before, server: await this.#serve(before.address, before.files) };
      throw error;
    }
    if (!mustMakeRoom) await this[Symbol.asyncDispose]();
    this.#open = { address, files, server };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.server[Symbol.asyncDispose]();
  }
}
