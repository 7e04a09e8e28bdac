import { ToolError } from '../../shared/errors.ts';
import { MEDIUM } from '../../shared/paths.ts';

/** x86's limit is 2048 with the final NUL, and GRUB adds `BOOT_IMAGE=` with the kernel's path. */
const MAX_COMMAND_LINE = 1900;

export interface GrubConfigValues {
  /** Shown in the menu. */
  readonly title: string;
  readonly buildId: string;
  readonly commandLine: string;
  /** Names of the file systems on the medium. */
  readonly fileSystems: readonly string[];
}

/** Where things stand on the medium. */
export function mediumPaths(buildId: string) {
  const folder = `${MEDIUM.root}/${buildId}`;
  return {
    folder,
    kernel: `${folder}/vmlinuz`,
    initrd: `${folder}/initrd`,
    buildRecord: `${folder}/build.json`,
    fileSystem: (name: string) => `${folder}/${name}.sqfs`,
  };
}

/**
 * Fills in the menu of iso/grub.cfg. Throws COMMAND_LINE_UNSUPPORTED for a kernel command line that
 * GRUB would change on its way to the kernel, or that is too long.
 */
export function formatGrubConfig(template: string, values: GrubConfigValues): string {
  const paths = mediumPaths(values.buildId);
  const words: Readonly<Record<string, string>> = {
    TITLE: values.title.replaceAll(/[^\x20-\x7e]|['\\]/g, '?'),
    KERNEL: paths.kernel,
    INITRD: paths.initrd,
    COMMAND_LINE: grubWords(values.commandLine),
    // GRUB wraps each file in a cpio archive of its own and appends it to the initrd.
    FILE_SYSTEMS_IN_MEMORY: values.fileSystems
      .map(name => `newc:${MEDIUM.inInitrd.slice(1)}/${name}.sqfs:${paths.fileSystem(name)}`)
      .join(' '),
  };
  return template.replaceAll(/@([A-Z_]+)@/g, (_all, word: string) => {
    const value = words[word];
    if (value === undefined) throw new Error(`iso/grub.cfg has an unknown word @${word}@`);
    return value;
  });
}

/** Each word in single quotes, so that GRUB's language takes nothing in it for its own. */
function grubWords(commandLine: string): string {
  const bad = /[^\x20-\x7e\t]|['"\\]/.exec(commandLine)?.[0];
  if (bad !== undefined) {
    throw new ToolError(`the kernel command line has ${JSON.stringify(bad)}, which GRUB can't hand on`, {
      code: 'COMMAND_LINE_UNSUPPORTED',
      kind: 'invalid-input',
      hint: 'leave out quotes, backslashes and characters outside ASCII in kernel.cmdline',
    });
  }
  if (commandLine.length > MAX_COMMAND_LINE) {
    throw new ToolError(
      `the kernel command line has ${commandLine.length} characters, ${MAX_COMMAND_LINE} fit`,
      {
        code: 'COMMAND_LINE_UNSUPPORTED',
        kind: 'invalid-input',
        hint: 'shorten kernel.cmdline',
      },
    );
  }
  return commandLine
    .split(/\s+/)
    .filter(Boolean)
    .map(word => (/^[A-Za-z0-9_.,:=/@%+-]+$/.test(word) ? word : `'${word}'`))
    .join(' ');
}
