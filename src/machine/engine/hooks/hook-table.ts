import { messageOf } from '../../../shared/errors.ts';
import type { Log } from '../../log.ts';
import type { HookFile } from '../../../shared/oci-hooks/hook-file.ts';
import { loadHooks } from './load-hooks.ts';

/** The machine's OCI hooks. They are read at each start of a container, so that a new file counts at once. */
export class HookTable {
  readonly #folders: readonly string[];
  #patienceMs = 0;

  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** How much longer a runtime may take because of hooks: as long as all of them have. */
  get patienceMs(): number {
    return this.#patienceMs;
  }

  /** Throws OCI_HOOK_INVALID, I/O errors. */
  async load(): Promise<readonly HookFile[]> {
    const files = await loadHooks(this.#folders);
    this.#patienceMs = files.reduce((sum, file) => sum + file.hook.timeout * 1000, 0);
    return files;
  }

  /** For an engine that begins: containers that run may have hooks. Who starts the next one is told of faults. */
  async begin(log: Log): Promise<void> {
    await this.load().catch((error: unknown) => {
      log.error('no container can be started', { reason: messageOf(error) });
    });
  }
}
