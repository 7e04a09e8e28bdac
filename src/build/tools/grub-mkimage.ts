import type { ToolRun, Toolbox } from './toolbox.ts';

/**
 * What the BIOS loader is made of: reading the medium, the menu on screen and serial line, and starting
 * Linux. The signed UEFI loader brings its own set, which has all of these.
 */
const BIOS_MODULES = [
  'biosdisk',
  'boot',
  'configfile',
  'echo',
  'halt',
  'iso9660',
  'linux',
  'normal',
  'part_gpt',
  'part_msdos',
  'reboot',
  'search',
  'search_fs_file',
  'serial',
  'sleep',
  'terminal',
  'test',
] as const;

/** Makes GRUB's El Torito image for BIOS out of the modules of Debian's grub-pc-bin. */
export async function makeBiosLoader(
  toolbox: Toolbox,
  modulesFolder: string,
  output: string,
  options: Pick<ToolRun, 'signal'> = {},
): Promise<void> {
  await toolbox.run(
    'grub-mkimage',
    [
      ...['--format=i386-pc-eltorito', '--compression=auto', '--prefix=/boot/grub'],
      ...[`--directory=${modulesFolder}`, `--output=${output}`, ...BIOS_MODULES],
    ],
    options,
  );
}
