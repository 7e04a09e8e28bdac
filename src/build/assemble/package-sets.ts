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

/** Packages of the core file system, without its service images. */
export const CORE_PACKAGES: PackageSet = {
  want: ['busybox-static', 'conmon', 'crun', 'e2fsprogs', 'libstdc++6'],
  omit: [...NEVER_NEEDED, 'logsave', 'libss2'],
};

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
