import { invariant } from '../../shared/errors.ts';
import type { ToolRun, Toolbox } from './toolbox.ts';

/** GPT type of an EFI system partition. xorriso takes a mistyped one without a word, so it stands once. */
export const ESP_TYPE = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';

export interface IsoSettings {
  /** Folder whose content becomes the ISO; symbolic links in it stand for the files they lead to. */
  readonly folder: string;
  readonly output: string;
  /** At most 32 characters of A-Z, 0-9 and `_`. */
  readonly volumeId: string;
  readonly gptDiskGuid: string;
  /** FAT image that becomes the EFI system partition, appended behind the ISO file system. */
  readonly efiImage: string;
  readonly bios?: {
    /** GRUB's El Torito image, as a path inside `folder`. */
    readonly image: string;
    /** GRUB's master boot record for ISO images, a file of the build host. */
    readonly mbr: string;
  };
}

/**
 * Makes a hybrid ISO: boots as CD and as disk (GPT with a protective MBR), under BIOS if given and UEFI.
 * All dates are SOURCE_DATE_EPOCH, owners are root, so equal input gives equal bytes.
 */
export async function makeIso(
  toolbox: Toolbox,
  settings: IsoSettings,
  options: Pick<ToolRun, 'signal'> = {},
): Promise<void> {
  const { bios, efiImage } = settings;
  invariant(/^[A-Z0-9_]{1,32}$/.test(settings.volumeId), `ISO volume id ${settings.volumeId}`);
  // xorriso's own notation: YYYYMMDDhhmmsscc.
  const date = `${new Date(toolbox.epoch * 1000).toISOString().slice(0, 19).replaceAll(/\D/g, '')}00`;
  const biosArguments =
    bios === undefined
      ? []
      : [
          ...['--grub2-mbr', bios.mbr, '--mbr-force-bootable'],
          ...[
            '-b',
            bios.image,
            '-no-emul-boot',
            '-boot-load-size',
            '4',
            '-boot-info-table',
            '--grub2-boot-info',
          ],
          '-eltorito-alt-boot',
        ];
  await toolbox.run(
    'xorriso',
    [
      ...['-no_rc', '-as', 'mkisofs', '-quiet', '-o', settings.output, '-V', settings.volumeId],
      ...['-iso-level', '3', '-r', '-f', '-no-pad', '-partition_offset', '16'],
      ...[`--modification-date=${date}`, '--set_all_file_dates', date],
      ...['--gpt_disk_guid', settings.gptDiskGuid],
      ...biosArguments,
      ...['-e', '--interval:appended_partition_2:all::', '-no-emul-boot'],
      ...['-append_partition', '2', ESP_TYPE, efiImage, '-appended_part_as_gpt'],
      settings.folder,
    ],
    options,
  );
}

/** What xorriso finds in an ISO: its El Torito and system area reports, as printed. */
export async function describeIso(toolbox: Toolbox, iso: string): Promise<string> {
  const { stdout } = await toolbox.run('xorriso', [
    ...['-no_rc', '-abort_on', 'FATAL', '-indev', iso],
    ...['-report_el_torito', 'plain', '-report_system_area', 'plain', '-find', '/', '-exec', 'report_lba'],
  ]);
  return stdout;
}
