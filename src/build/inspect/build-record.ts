import type { Arch } from '../../shared/arch.ts';
import { digestOf } from '../../shared/digest.ts';
import type { MachineImage } from '../../shared/machine-image.ts';
import { kernelCommandLine } from '../../shared/manifest/index.ts';
import type { AssembledKernel, AssembledPackage } from '../assemble/inputs.ts';
import type { CollectedImage } from '../collect-images.ts';
import type { Lock } from '../lock/lock.ts';
import type { Project } from '../project.ts';

export interface RecordedImage {
  readonly name: string;
  readonly id: string;
  /** Services that run it. */
  readonly services: readonly string[];
  readonly sizeBytes: number;
  readonly packages: readonly AssembledPackage[];
}

/**
 * What a build made and of what: `build.json` on the medium beside the file systems, the source of
 * `slipway inspect`. Deterministic, so it is part of the artifact's bytes.
 */
export interface BuildRecord {
  readonly schema: 1;
  readonly name: string;
  readonly version: string;
  readonly slipwayVersion: string;
  readonly arch: Arch;
  readonly buildId: string;
  /** SOURCE_DATE_EPOCH, seconds since 1970. */
  readonly epoch: number;
  readonly kernel: {
    readonly release: string;
    readonly package: string;
    readonly version: string;
    readonly cmdline: string;
    readonly modules: number;
    readonly missingFirmware: readonly string[];
  };
  readonly node: string;
  readonly services: readonly { readonly name: string; readonly section: string; readonly image: string }[];
  readonly images: readonly RecordedImage[];
  /** Packages of the core itself, and of the initrd. */
  readonly corePackages: readonly AssembledPackage[];
  readonly initrdPackages: readonly AssembledPackage[];
  /** Bytes in the artifact by part: `kernel`, `initrd`, `core`, cargo by name. */
  readonly parts: Readonly<Record<string, number>>;
}

export interface RecordInput {
  readonly project: Project;
  readonly lock: Lock;
  readonly machine: MachineImage;
  readonly arch: Arch;
  readonly buildId: string;
  readonly kernel: AssembledKernel;
  readonly images: readonly CollectedImage[];
  readonly corePackages: readonly AssembledPackage[];
  readonly initrdPackages: readonly AssembledPackage[];
  readonly parts: Readonly<Record<string, number>>;
}

/** Writes down what a build made. */
export function recordBuild(input: RecordInput): BuildRecord {
  const { project, lock, machine, arch, kernel } = input;
  return {
    schema: 1,
    name: machine.name,
    version: machine.version,
    slipwayVersion: machine.slipwayVersion,
    arch,
    buildId: input.buildId,
    epoch: lock.epoch,
    kernel: {
      release: kernel.release,
      package: kernel.packageName,
      version: kernel.version,
      cmdline: kernelCommandLine(project.manifest, arch),
      modules: kernel.moduleCount,
      missingFirmware: kernel.missingFirmware,
    },
    node: lock.architectures[arch]?.node.version ?? '',
    services: machine.services.map(({ name, section, image }) => ({ name, section, image })),
    images: input.images.map(image => ({
      name: image.name,
      id: digestOf(image.input.config),
      services: machine.services.filter(service => service.image === image.name).map(service => service.name),
      sizeBytes: image.input.layers.reduce((sum, layer) => sum + layer.sizeBytes, 0),
      packages: image.packages,
    })),
    corePackages: input.corePackages,
    initrdPackages: input.initrdPackages,
    parts: input.parts,
  };
}
