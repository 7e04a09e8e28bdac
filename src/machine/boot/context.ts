import type { KernelCmdline } from '../../shared/kernel-cmdline.ts';
import type { MachineImage } from '../../shared/machine-image.ts';
import type { Engine } from '../engine/engine-config.ts';
import type { Log } from '../log.ts';
import type { Conditions } from '../services/conditions.ts';
import type { ServiceRunner } from '../services/apply.ts';
import type { Journal } from './journal.ts';

/** What the boot phases work with. */
export interface BootContext {
  readonly image: MachineImage;
  readonly cmdline: KernelCmdline;
  readonly journal: Journal;
  readonly engine: Engine;
  readonly conditions: Conditions;
  readonly runner: ServiceRunner;
  readonly log: Log;
  /** Writes one line to every console. */
  readonly say: (line: string) => Promise<void>;
  /** Aborted when the machine goes down. */
  readonly signal: AbortSignal;
}
