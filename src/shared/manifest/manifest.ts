import type { Arch } from '../arch.ts';
import { type Digest, canonicalJson, digestOf } from '../digest.ts';
import type { ManifestFile as RawManifest, ServiceConfig } from '../schema/manifest.gen.ts';
import type { EngineFeatures } from '../machine-image.ts';
import type { ServiceSection } from '../service/definition.ts';
import type { Place } from '../yaml/place.ts';
import type { ImageSource } from './image-source.ts';

export type { RawManifest, ServiceConfig };

export type Platform = 'virtio' | 'virtualbox' | 'vmware' | 'hyperv' | 'baremetal';

/** An image as a manifest names it. A `path` in `source` is relative to the folder of `place.file`. */
export interface ManifestImage {
  /** As written. */
  readonly text: string;
  readonly source: ImageSource;
  readonly place: Place;
}

export interface ManifestService {
  /** Unique over all sections. */
  readonly name: string;
  readonly section: ServiceSection;
  readonly image: ManifestImage;
  /** The keys as written; image and defaults are merged in by `defineServices`. */
  readonly config: ServiceConfig;
  /** User and group id that the service's name stands for. */
  readonly id: number;
  readonly place: Place;
  /** Where one of its keys stands: `after/0`, `image`. */
  readonly placeOf: (pointer: string) => Place;
}

interface FileAttributes {
  /** Below the root, without a leading slash. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly place: Place;
}

/** A file to add. A `source` is as written, relative to the folder of `place.file`. */
export type FileSpec = FileAttributes &
  (
    | { readonly kind: 'directory' }
    | { readonly kind: 'symlink'; readonly target: string }
    | { readonly kind: 'contents'; readonly contents: string }
    | {
        readonly kind: 'source';
        readonly source: string;
        readonly optional: boolean;
        readonly sourcePlace: Place;
      }
  );

/** One or several manifest files, merged and checked, with every default filled in. */
export interface Manifest {
  readonly name: string;
  /** Absent: the image has Slipway's own version. */
  readonly version?: string;
  readonly hostname: string;
  readonly compression: 'zstd' | 'xz';
  readonly rescue: 'login' | 'shell' | 'reboot';
  readonly kernel: {
    /** Absent: Debian's default kernel of the architecture. */
    readonly package?: string;
    /** Absent: the architecture's default; see `kernelCommandLine`. */
    readonly cmdline?: string;
    readonly platforms: readonly Platform[];
    readonly modules: readonly string[];
    /** Debian packages with firmware. */
    readonly firmware: readonly string[];
  };
  /** Images laid under the core, in order. */
  readonly init: readonly ManifestImage[];
  /** onboot, then services, then onshutdown, each in the order of the files. */
  readonly services: readonly ManifestService[];
  readonly files: readonly FileSpec[];
  readonly engine: EngineFeatures;
  readonly trust: { readonly state: 'fixed' | 'any' | 'none'; readonly datasources: readonly string[] };
  readonly state: { readonly format: boolean };
  readonly sysctl: Readonly<Record<string, string>>;
  /** The merged files before defaults; what `manifestDigest` and `metadata` files are made from. */
  readonly merged: RawManifest;
}

export const PLATFORMS: readonly Platform[] = ['virtio', 'virtualbox', 'vmware', 'hyperv', 'baremetal'];

const DEFAULT_CMDLINE: Readonly<Record<Arch, string>> = {
  amd64: 'console=tty0 console=ttyS0,115200 panic=10',
  arm64: 'console=tty0 console=ttyS0,115200 console=ttyAMA0,115200 panic=10',
};

/** The manifest's kernel command line, or the default of the architecture. */
export function kernelCommandLine(manifest: Manifest, arch: Arch): string {
  return manifest.kernel.cmdline ?? DEFAULT_CMDLINE[arch];
}

/** Debian's kernel package: the manifest's, or the default of the architecture. */
export function kernelPackage(manifest: Manifest, arch: Arch): string {
  return manifest.kernel.package ?? `linux-image-${arch}`;
}

/** Digest of what the files say; comments, order of keys and layout do not change it. */
export function manifestDigest(manifest: Manifest): Digest {
  return digestOf(canonicalJson({ name: manifest.name, ...manifest.merged }));
}

/** Every image that the manifest names, `init` first. */
export function manifestImages(manifest: Pick<Manifest, 'init' | 'services'>): ManifestImage[] {
  return [...manifest.init, ...manifest.services.map(service => service.image)];
}
