import type { Arch } from '../../shared/arch.ts';

/**
 * Debian packages whose programs and files the build uses. The resolver adds their dependencies; what
 * `omit` names counts as installed, since the programs used here run without it (the unit test of this
 * folder and the integration test hold the lists complete: a sealed loader finds no library elsewhere).
 */
export interface PackageSet {
  readonly want: readonly string[];
  readonly omit: readonly string[];
}

/** Dependencies of maintainer scripts, of programs that are never started, and of documentation. */
const NEVER_USED = [
  'adduser',
  'debconf',
  'dmsetup',
  'dpkg',
  'gcc-14-base',
  'gettext-base',
  'libncursesw6',
  'logsave',
  'openssl-provider-legacy',
  'passwd',
  'readline-common',
  'sensible-utils',
  'ucf',
] as const;

/** Programs of the pack stage, for the architecture of the build host. */
export const PACK_TOOLS: PackageSet = {
  want: [
    // sqfstar, unsquashfs
    'squashfs-tools',
    // ISO images
    'xorriso',
    // FAT images; libc6 brings the code page that mtools converts names with
    'mtools',
    'libc6',
    // veritysetup
    'cryptsetup-bin',
    // ext4; libarchive is opened at run time for `-d file.tar`
    'e2fsprogs',
    'libarchive13t64',
    // opened when a thread of sqfstar ends
    'libgcc-s1',
    // sfdisk
    'fdisk',
    // grub-mkimage
    'grub-common',
  ],
  omit: [
    ...NEVER_USED,
    'libbrotli1',
    'libefiboot1t64',
    'libefivar1t64',
    'libfreetype6',
    'libfuse3-4',
    'libmount1',
    'libpng16-16t64',
    'libss2',
    'libstdc++6',
  ],
};

const QEMU_UNUSED = [
  ...NEVER_USED,
  // Sound, Braille, smart cards, USB devices of the host: QEMU loads those parts as modules.
  'qemu-system-common',
  'libpam-modules',
  'libpam0g',
  // The network card is used without its boot ROM.
  'ipxe-qemu',
  'libsasl2-modules-db',
] as const;

/** QEMU and its firmware by the guest's architecture, for the architecture of the build host. */
export const VM_TOOLS: Readonly<Record<Arch, PackageSet>> = {
  // ovmf has the Secure Boot variables with Microsoft's keys; mtools makes the seed disk.
  amd64: {
    want: ['qemu-system-x86', 'qemu-system-data', 'seabios', 'ovmf', 'mtools', 'libc6'],
    omit: QEMU_UNUSED,
  },
  arm64: {
    want: ['qemu-system-arm', 'qemu-system-data', 'qemu-efi-aarch64', 'mtools', 'libc6'],
    omit: QEMU_UNUSED,
  },
};

/**
 * Boot loaders of an image by the image's architecture: Debian's signed shim and GRUB, and for BIOS the
 * modules that grub-mkimage makes a loader of. All but the named packages themselves is left out: they
 * are taken as files, nothing of them is run.
 */
export const LOADER_PACKAGES: Readonly<Record<Arch, PackageSet>> = {
  amd64: {
    want: ['shim-signed', 'shim-helpers-amd64-signed', 'grub-efi-amd64-signed', 'grub-pc-bin'],
    omit: [
      'debconf',
      'mokutil',
      'shim-signed-common',
      'shim-unsigned',
      'grub-efi-amd64-bin',
      'grub2-common',
      'grub-common',
      'libc6',
      'libdevmapper1.02.1',
    ],
  },
  arm64: {
    want: ['shim-signed', 'shim-helpers-arm64-signed', 'grub-efi-arm64-signed'],
    omit: [
      'debconf',
      'mokutil',
      'shim-signed-common',
      'shim-unsigned',
      'grub-efi-arm64-bin',
      'grub2-common',
      'grub-common',
      'libc6',
    ],
  },
};
