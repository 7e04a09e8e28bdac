import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Arch } from '../../shared/arch.ts';
import { invariant } from '../../shared/errors.ts';
import { makeBiosLoader } from '../tools/grub-mkimage.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import { makeIso } from '../tools/xorriso.ts';
import { derivedUuid } from './derived-id.ts';
import { packEfiImage } from './efi-image.ts';
import { formatGrubConfig, mediumPaths } from './grub-config.ts';
import { publishFile } from './publish.ts';

const BIOS_LOADER = 'boot/grub/bios.img';
const GRUB_PC = 'usr/lib/grub/i386-pc';

export interface PackIsoOptions {
  readonly arch: Arch;
  /** Derived from the content; names the folder on the medium, and what the loader searches for. */
  readonly buildId: string;
  /** Shown in the menu, e.g. `minimal 1.0`. */
  readonly title: string;
  /** See `volumeId`. */
  readonly volumeId: string;
  readonly commandLine: string;
  /** Files of the build host. */
  readonly kernel: string;
  readonly initrd: string;
  /** With their hash trees; `NAME.sqfs` on the medium. */
  readonly fileSystems: readonly { readonly name: string; readonly file: string }[];
  /** Text of the build record, `build.json` beside the file systems. */
  readonly buildRecord: string;
  /** Folder with the unpacked packages of LOADER_PACKAGES. */
  readonly loaders: string;
  /** The folder iso/ of this package. */
  readonly isoFolder: string;
  readonly output: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Packs the hybrid ISO: boots as CD and from a USB stick, UEFI with or without Secure Boot, on amd64 BIOS
 * too. iso/README.md describes the layout. Equal input gives equal bytes.
 */
export async function packIso(toolbox: Toolbox, options: PackIsoOptions): Promise<void> {
  const { arch, buildId, commandLine, fileSystems, loaders, signal } = options;
  invariant(/^[a-z0-9][a-z0-9.-]*$/.test(buildId), `build id ${buildId}`);
  const grubConfig = formatGrubConfig(await readFile(join(options.isoFolder, 'grub.cfg'), 'utf8'), {
    title: options.title,
    buildId,
    commandLine,
    fileSystems: fileSystems.map(({ name }) => name),
  });
  await publishFile(options.output, async ({ folder: scratch, file: output }) => {
    const folder = join(scratch, 'medium');
    const paths = mediumPaths(buildId);
    const put = async (path: string, content: string | { readonly file: string }): Promise<void> => {
      const target = join(folder, path);
      await mkdir(dirname(target), { recursive: true });
      if (typeof content === 'string') await writeFile(target, content);
      else await symlink(resolve(content.file), target);
    };
    await put('boot/grub/grub.cfg', grubConfig);
    await put(paths.kernel, { file: options.kernel });
    await put(paths.initrd, { file: options.initrd });
    await put(paths.buildRecord, options.buildRecord);
    for (const { name, file } of fileSystems) await put(paths.fileSystem(name), { file });

    const efiImage = join(scratch, 'efi.img');
    await packEfiImage(toolbox, { arch, loaders, grubConfig, output: efiImage, scratch, signal });
    if (arch === 'amd64') {
      await makeBiosLoader(toolbox, join(loaders, GRUB_PC), join(folder, BIOS_LOADER), { signal });
    }
    const bios =
      arch === 'amd64'
        ? { bios: { image: BIOS_LOADER, mbr: join(loaders, GRUB_PC, 'boot_hybrid.img') } }
        : {};
    const gptDiskGuid = derivedUuid('gpt', buildId);
    const settings = { folder, output, volumeId: options.volumeId, gptDiskGuid, efiImage, ...bios };
    await makeIso(toolbox, settings, { signal });
  });
}
