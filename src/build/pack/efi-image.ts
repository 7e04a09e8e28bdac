import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Arch } from '../../shared/arch.ts';
import { type FatFile, fatImageBytes, makeFatImage } from '../tools/mtools.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import { derivedHex } from './derived-id.ts';

/** What UEFI calls the architecture in the names of its loaders, and Debian's folder of signed GRUB. */
const EFI: Readonly<Record<Arch, { readonly suffix: string; readonly grubFolder: string }>> = {
  amd64: { suffix: 'x64', grubFolder: 'x86_64-efi-signed' },
  arm64: { suffix: 'aa64', grubFolder: 'arm64-efi-signed' },
};

export interface EfiImageOptions {
  readonly arch: Arch;
  /** Folder with the unpacked packages of LOADER_PACKAGES. */
  readonly loaders: string;
  readonly grubConfig: string;
  readonly output: string;
  readonly scratch: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the FAT image that UEFI boots from: Debian's signed shim, which starts Debian's signed GRUB for
 * CDs, whose configuration is in the image too. GRUB looks for /boot/grub where it was started from;
 * without it there it would search all disks and may take another system's configuration.
 */
export async function packEfiImage(toolbox: Toolbox, options: EfiImageOptions): Promise<void> {
  const { arch, loaders, grubConfig, output, scratch, signal } = options;
  const { suffix, grubFolder } = EFI[arch];
  const grubBytes = Buffer.from(grubConfig);
  const files: FatFile[] = [
    {
      path: `EFI/BOOT/BOOT${suffix.toUpperCase()}.EFI`,
      source: join(loaders, `usr/lib/shim/shim${suffix}.efi.signed`),
    },
    {
      path: `EFI/BOOT/grub${suffix}.efi`,
      source: join(loaders, `usr/lib/grub/${grubFolder}/gcd${suffix}.efi.signed`),
    },
    // Lets the owner of a machine enrol a key of their own.
    { path: `EFI/BOOT/mm${suffix}.efi`, source: join(loaders, `usr/lib/shim/mm${suffix}.efi.signed`) },
    { path: 'boot/grub/grub.cfg', source: grubBytes },
  ];
  const sizes = await Promise.all(
    files.map(async ({ source }) => (typeof source === 'string' ? (await stat(source)).size : source.length)),
  );
  const image = {
    label: 'SLIPWAY_EFI',
    serial: derivedHex(4, 'efi-serial', arch, grubConfig),
    sizeBytes: fatImageBytes(sizes),
    files,
  };
  await makeFatImage(toolbox, image, output, scratch, { signal });
}
