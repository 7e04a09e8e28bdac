import type { Arch } from '../../shared/arch.ts';
import type { Content, Entry } from '../../shared/archive/entry.ts';
import type { FileSystemRecord } from '../../shared/file-system-table.ts';
import type { MachineImage } from '../../shared/machine-image.ts';
import type { FileSpec, Recipe } from '../../shared/manifest/index.ts';
import type { Store } from '../store/store.ts';
import type { Tree } from '../tree/tree.ts';
import type { Deb } from '../unpack/deb.ts';

/** What assembling needs of an unpacked Debian package; `readDeb` returns it. */
export type PackageInput = Pick<Deb, 'package' | 'control' | 'scripts' | 'entries'>;

/** A package as it went into a tree. */
export interface AssembledPackage {
  readonly name: string;
  readonly version: string;
  /** Bytes of its files that are in the tree. */
  readonly sizeBytes: number;
  /** Maintainer scripts that it carries and that no build step stands for. */
  readonly skippedScripts: readonly string[];
}

/** Caches what is costly to make: unpacked modules, the trimmed Node. */
export type ResultCache = Pick<Store, 'result'>;

export interface SystemImageInput {
  readonly recipe: Recipe;
  /** Folder of the recipe on the build host: `source` of its files, and `rootfs/`. */
  readonly recipeFolder: string;
  /** See `FilesInput.leaveOut`. */
  readonly leaveOut?: string;
  /** The resolved packages of the recipe, in any order. */
  readonly packages: readonly PackageInput[];
  readonly arch: Arch;
  /** SOURCE_DATE_EPOCH, seconds since 1970: the time of what the build itself makes. */
  readonly epoch: number;
}

export interface AssembledSystemImage {
  readonly tree: Tree;
  /** In byte order of their names. */
  readonly packages: readonly AssembledPackage[];
}

export interface KernelInput {
  /** The versioned kernel package, its meta package (which holds no files), and firmware packages. */
  readonly packages: readonly PackageInput[];
  /** Platform sets of kernel/modules.yml; `baremetal`, `hyperv`, `virtio`, `virtualbox`, `vmware`. */
  readonly platforms: readonly string[];
  /** Further modules by name, as the manifest gives them. */
  readonly modules: readonly string[];
  /** Text of kernel/modules.yml. */
  readonly moduleSets: string;
  readonly arch: Arch;
  readonly epoch: number;
  readonly store: ResultCache;
  readonly signal?: AbortSignal;
}

export interface AssembledKernel {
  /** `6.12.57+deb13-amd64`: the name below /lib/modules. */
  readonly release: string;
  /** Version of the Debian package. */
  readonly version: string;
  readonly packageName: string;
  readonly vmlinuz: Content;
  /** usr/lib/modules/RELEASE with indexes, and usr/lib/firmware, for the core. */
  readonly coreModules: Tree;
  /** The few that find the medium, with their own indexes, for the initrd. */
  readonly initrdModules: Tree;
  /** Modules that the early script loads by name, in this order. */
  readonly initrdLoad: readonly string[];
  /** Number of modules in the core. */
  readonly moduleCount: number;
  /** Firmware files that chosen modules name and no given package holds, sorted. */
  readonly missingFirmware: readonly string[];
  readonly packages: readonly AssembledPackage[];
}

export interface CoreInput {
  /** Packages of `corePackages`, resolved. */
  readonly packages: readonly PackageInput[];
  /** The trimmed Node: result of `makeNodeRuntime`. */
  readonly node: Content;
  /** The machine's programs, dist/machine/*.cjs, by file name: system-docker.cjs and what it loads when asked. */
  readonly bundles: ReadonlyMap<string, Content>;
  /** The folder init/ of this package. */
  readonly initFolder: string;
  readonly machine: MachineImage;
  readonly kernel: Pick<AssembledKernel, 'release' | 'coreModules'>;
  /** Result of `assembleImageStore`: images/ and layers/. */
  readonly imageStore: Tree;
  /** File trees of the manifest's `init:` images, lowest first; they lie under the core. */
  readonly initLayers: readonly Tree[];
  /** The manifest's `files:`, already read: result of `assembleFiles`. */
  readonly files: readonly Entry[];
  readonly arch: Arch;
  readonly epoch: number;
}

export interface AssembledCore {
  readonly tree: Tree;
  readonly packages: readonly AssembledPackage[];
}

export interface InitrdInput {
  /** Packages of `INITRD_PACKAGES`, resolved. */
  readonly packages: readonly PackageInput[];
  readonly kernel: Pick<AssembledKernel, 'release' | 'initrdModules' | 'initrdLoad'>;
  readonly initFolder: string;
  readonly arch: Arch;
  readonly epoch: number;
}

export interface IdentityInput {
  readonly table: readonly FileSystemRecord[];
  readonly buildId: string;
  /** The manifest's `rescue`, for a machine whose core cannot be mounted. */
  readonly rescue: MachineImage['rescue'];
  readonly epoch: number;
}

export interface AssembledInitrd {
  readonly programs: Tree;
  readonly packages: readonly AssembledPackage[];
}

/** Where file specifications find their sources, and what they may refer to. */
export interface FilesInput {
  readonly files: readonly FileSpec[];
  /** Folder that relative sources are read from. */
  readonly folder: string;
  /** Sources outside of the folder are read too (`--allow-host-files`). Default: FILE_OUTSIDE_FOLDER. */
  readonly allowOutside?: boolean;
  /** Absolute path of a file that a folder brings along only by standing there: the project's lock. */
  readonly leaveOut?: string;
  readonly epoch: number;
}
