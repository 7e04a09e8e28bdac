import type { Arch } from '../../shared/arch.ts';
import type { Digest } from '../../shared/digest.ts';

/** One Debian package at one version, as the signed index gives it. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** Architecture of the package itself: the target's, or `all`. */
  readonly arch: Arch | 'all';
  /** Which archive: `debian` or `debian-security`; with `path`, where a mirror has it. */
  readonly archive: 'debian' | 'debian-security';
  /** Path below the archive's root, `pool/main/...`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A signed index that packages were chosen from. */
export interface LockedSuite {
  readonly archive: 'debian' | 'debian-security';
  readonly suite: string;
  /** `Date` of the InRelease file, ISO 8601. */
  readonly date: string;
  readonly inReleaseSha256: string;
}

/** Node's official build as packed on npm. */
export interface LockedNode {
  readonly npmPackage: string;
  readonly version: string;
  /** Subresource integrity as npm records it, `sha512-…`. */
  readonly integrity: string;
}

/** An OCI image that the manifest names, pinned. */
export interface LockedImage {
  /** As the manifest spells it. */
  readonly reference: string;
  /** Manifest of the target architecture. */
  readonly manifest: { readonly digest: Digest; readonly mediaType: string; readonly sizeBytes: number };
  readonly config: { readonly digest: Digest; readonly sizeBytes: number };
  readonly layers: readonly {
    readonly digest: Digest;
    readonly mediaType: string;
    readonly sizeBytes: number;
  }[];
}

/** Sets of packages by name. */
export interface LockedSets {
  /** Names of package sets -> ids of packages (see `packageId`), sorted. */
  readonly sets: Readonly<Record<string, readonly string[]>>;
  /** Every package of every set, by id. */
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** What one architecture's image is made of. Sets: `kernel`, `core`, `initrd`, `loaders`, `image:NAME`. */
export interface LockedArch extends LockedSets {
  readonly node: LockedNode;
  /** By the image's name in the image store. */
  readonly images: Readonly<Record<string, LockedImage>>;
}

/** `name=version`, unique among the sets of one architecture. */
export function packageId(pkg: Pick<LockedPackage, 'name' | 'version'>): string {
  return `${pkg.name}=${pkg.version}`;
}

/** The lock file: canonical JSON, keys sorted, trailing newline, beside the first manifest (see `lockName`). */
export interface Lock {
  readonly lockVersion: 1;
  /** Slipway's version that made it. */
  readonly slipway: string;
  /** Digest of the merged manifest's canonical JSON. */
  readonly manifest: Digest;
  /** Digest of each recipe's folder, by recipe name. */
  readonly recipes: Readonly<Record<string, Digest>>;
  /** Digest of what each `source` of the manifest's `files` brings, by its path in the image without leading slash. */
  readonly files: Readonly<Record<string, Digest>>;
  /** SOURCE_DATE_EPOCH of the build, seconds since 1970: the newest `date` of the suites. */
  readonly epoch: number;
  readonly suites: readonly LockedSuite[];
  /** Build tools run on the build host, so they are locked for its architecture. Sets: `pack`, `vm-ARCH`. */
  readonly tools: Readonly<Partial<Record<Arch, LockedSets>>>;
  readonly architectures: Readonly<Partial<Record<Arch, LockedArch>>>;
}
