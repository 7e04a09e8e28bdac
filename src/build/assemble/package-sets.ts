import type { EngineFeatures } from '../../shared/machine-image.ts';

/** What to resolve for one part of the image, as `resolvePackages` takes it. */
export interface PackageSet {
  readonly want: readonly string[];
  readonly omit: readonly string[];
}

/** Packages whose programs only run at installation, or that serve systemd or Debian's own tools. */
export const NEVER_NEEDED: readonly string[] = [
  'adduser',
  'base-files',
  'base-passwd',
  'debconf',
  'debianutils',
  'dpkg',
  'gcc-14-base',
  'init-system-helpers',
  'libaudit-common',
  'libsemanage-common',
  'lsb-base',
  'openssl-provider-legacy',
  'perl-base',
  'runit-helper',
  'sensible-utils',
  'sysvinit-utils',
  'tzdata',
  'ucf',
];

/** Debian packages of one ability of the core, and which of their files it uses. */
interface CorePart {
  readonly packages: readonly string[];
  readonly files: readonly string[];
}

const CORE_PARTS = {
  always: {
    packages: ['busybox-static', 'conmon', 'crun', 'e2fsprogs', 'libstdc++6', 'socat', 'tini'],
    files: [
      'usr/bin/busybox',
      'usr/bin/conmon',
      'usr/bin/crun',
      'usr/bin/socat',
      'usr/bin/tini-static',
      'usr/sbin/e2fsck',
      'usr/sbin/mke2fs',
      'usr/sbin/resize2fs',
      'etc/mke2fs.conf',
    ],
  },
  images: { packages: ['erofs-utils'], files: ['usr/bin/mkfs.erofs'] },
  networks: {
    packages: ['netavark', 'aardvark-dns', 'nftables', 'conntrack'],
    files: ['usr/lib/podman/netavark', 'usr/lib/podman/aardvark-dns', 'usr/sbin/nft', 'usr/sbin/conntrack'],
  },
  runc: { packages: ['runc'], files: ['usr/sbin/runc'] },
} as const satisfies Record<string, CorePart>;

function coreParts(engine: EngineFeatures): CorePart[] {
  return [
    CORE_PARTS.always,
    ...(engine.images ? [CORE_PARTS.images] : []),
    ...(engine.networks ? [CORE_PARTS.networks] : []),
    ...(engine.runtimes.includes('runc') ? [CORE_PARTS.runc] : []),
  ];
}

/** Packages of the core file system, without its service images. */
export function corePackages(engine: EngineFeatures): PackageSet {
  return {
    want: coreParts(engine).flatMap(part => part.packages),
    omit: [...NEVER_NEEDED, 'logsave', 'libss2', 'criu', 'podman', 'golang-github-containers-common'],
  };
}

/** Files of those packages that the machine uses, without a leading slash; the rest stays out. */
export function coreFiles(engine: EngineFeatures): string[] {
  return coreParts(engine).flatMap(part => part.files);
}

/** Packages of the initrd; dm-verity devices are set up with dmsetup. */
export const INITRD_PACKAGES: PackageSet = {
  want: ['busybox-static', 'dmsetup'],
  omit: [...NEVER_NEEDED],
};

/**
 * The kernel's packages. The meta package names the versioned one; what that depends on (an initramfs
 * generator, kmod) works on installed systems only.
 *
 * @param kernel name of the kernel's package, mostly the meta package
 * @param firmware names of firmware packages that the manifest asks for
 */
export function kernelPackages(kernel: string, firmware: readonly string[]): PackageSet {
  return {
    want: [kernel, ...firmware],
    omit: ['initramfs-tools', 'kmod', 'linux-base', 'linux-initramfs-tool', ...NEVER_NEEDED],
  };
}

/** What a recipe asks for: its own lists and what no image needs. */
export function recipePackages(recipe: {
  readonly packages?: readonly string[];
  readonly omit?: readonly string[];
}): PackageSet {
  const want = recipe.packages ?? [];
  const names = new Set(want.map(wish => wish.split(/[\s=(]/)[0] ?? wish));
  return { want, omit: [...NEVER_NEEDED, ...(recipe.omit ?? [])].filter(name => !names.has(name)) };
}
