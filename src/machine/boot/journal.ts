import { readFileSync } from 'node:fs';
import { isSystemError, messageOf } from '../../shared/errors.ts';
import { saveFile } from '../host/save-file.ts';
import type { ServiceProgress } from '../services/status.ts';
import type { BegunState } from './choose-state.ts';

/** When a phase ran, in seconds of uptime, and what came of it; without `endedAt` it is under way or was cut off. */
export interface PhaseRecord {
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly detail?: string;
}

/** Where state is, decided once per boot. */
export interface StateRecord {
  /** `/dev/NAME`; undefined when there is none. */
  readonly device?: string;
  readonly detail: string;
}

/** Everything a respawned system-docker must know of its earlier lives in this boot. */
export interface JournalData {
  readonly schema: 1;
  /** Uptime at each start of system-docker. */
  readonly lives: readonly number[];
  readonly phases: Readonly<Record<string, PhaseRecord>>;
  readonly services: Readonly<Record<string, ServiceProgress>>;
  readonly state?: StateRecord;
  /** Written before a disk is checked or formatted. */
  readonly begunState?: BegunState;
  /** The ready line, once it has been printed. */
  readonly readyLine?: string;
}

const EMPTY: JournalData = { schema: 1, lives: [], phases: {}, services: {} };

/**
 * /run/slipway/boot.json: written whole after each change. What is in memory counts: with no room to save it the boot
 * goes on, and only an earlier record is there for the next life.
 */
export class Journal {
  readonly #file: string;
  readonly #onFault: (reason: string) => void;
  #data: JournalData;
  #isSaved = true;

  private constructor(file: string, data: JournalData, onFault: (reason: string) => void) {
    this.#file = file;
    this.#onFault = onFault;
    this.#data = data;
  }

  /**
   * Reads the journal of this boot. One that can't be read is begun anew, which is safe: every phase can run twice.
   *
   * @param onFault told why it could not be read or, once until that works again, saved
   */
  static load(file: string, onFault: (reason: string) => void): Journal {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return new Journal(file, EMPTY, onFault);
      throw error;
    }
    const data = parseJournal(text);
    if (data === undefined) onFault(`${file} is damaged; the boot phases are run again`);
    return new Journal(file, data ?? EMPTY, onFault);
  }

  get data(): JournalData {
    return this.#data;
  }

  /** Changes the journal and saves it; never throws. */
  update(change: Partial<Omit<JournalData, 'schema'>>): void {
    this.#data = { ...this.#data, ...change };
    try {
      saveFile(this.#file, `${JSON.stringify(this.#data)}\n`);
      this.#isSaved = true;
    } catch (error) {
      if (this.#isSaved) this.#onFault(`${this.#file} cannot be saved: ${messageOf(error)}`);
      this.#isSaved = false;
    }
  }

  setPhase(name: string, record: PhaseRecord): void {
    this.update({ phases: { ...this.#data.phases, [name]: record } });
  }

  setService(name: string, progress: ServiceProgress): void {
    this.update({ services: { ...this.#data.services, [name]: progress } });
  }
}

/** The journal's data, or undefined when the text is no journal of ours. */
export function parseJournal(text: string): JournalData | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  // Written by this very program on a tmpfs that only root can write: its shape need not be checked further.
  const isOurs = typeof value === 'object' && value !== null && 'schema' in value && value.schema === 1;
  return isOurs ? { ...EMPTY, ...(value as JournalData) } : undefined;
}
