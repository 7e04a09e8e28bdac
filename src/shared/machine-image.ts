import type { Arch } from './arch.ts';
import type { EngineSettings, RuntimeName } from './engine-settings.ts';
import type { ServiceDefinition } from './service/definition.ts';

/** What system-docker brings along for containers other than the image's own services. */
export interface EngineFeatures {
  /** Images can be made on the machine: pulled, loaded, imported, committed. */
  readonly images: boolean;
  /** Bridge networks, published ports, name lookup. */
  readonly networks: boolean;
  /** OCI runtimes that containers can choose from. */
  readonly runtimes: readonly RuntimeName[];
  readonly settings: EngineSettings;
}

/** What a booted machine is told about itself: /usr/lib/slipway/machine.json in the core. */
export interface MachineImage {
  /** The manifest's name; printed in the ready line. */
  readonly name: string;
  /** Version of the image: the manifest's, else Slipway's. */
  readonly version: string;
  readonly slipwayVersion: string;
  readonly arch: Arch;
  readonly kernelRelease: string;
  /** Seconds since 1970; the clock is never before it. */
  readonly builtAt: number;
  readonly hostname: string;
  /** What a machine does that can't keep system-docker running. */
  readonly rescue: 'login' | 'shell' | 'reboot';
  readonly engine: EngineFeatures;
  readonly trust: {
    /** Whether a state partition is looked for: on fixed disks, on any, or not at all. */
    readonly state: 'fixed' | 'any' | 'none';
    /** Data sources that are asked; `nocloud` reads a disk labelled cidata. */
    readonly datasources: readonly string[];
  };
  readonly state: {
    /** Format a blank fixed disk (at least 1 MiB of zeros at its start) as the state partition. */
    readonly format: boolean;
  };
  /** Sysctls set before services start. */
  readonly sysctl: Readonly<Record<string, string>>;
  readonly services: readonly ServiceDefinition[];
}

/** One image of an image store: what images/index.json lists. */
export interface StoredImage {
  /** sha256 digest of the image configuration, which is Docker's image id. */
  readonly id: string;
  readonly names: readonly string[];
  readonly repoDigests: readonly string[];
  /** The OCI image configuration, byte for byte, as text. */
  readonly config: string;
  readonly layers: readonly StoredLayer[];
}

export interface StoredLayer {
  /** Digest of the uncompressed tar; names the folder layers/HEX. */
  readonly diffId: string;
  /** Length of the uncompressed tar in bytes. */
  readonly sizeBytes: number;
}

export interface ImageIndex {
  readonly schema: 1;
  readonly images: readonly StoredImage[];
}
