import type { ToolRun, Toolbox } from './toolbox.ts';

export interface Ext4Settings {
  /** At most 16 characters. */
  readonly label: string;
  readonly uuid: string;
  /** Size in 4096-byte blocks. */
  readonly blocks: number;
  /** Bytes from the start of the file to the file system, for a partition inside a disk image. */
  readonly offsetBytes?: number;
  /** A tar file that fills the file system. */
  readonly tar?: string;
}

/** Makes an ext4 file system in an existing file; equal input gives equal bytes. */
export async function makeExt4(
  toolbox: Toolbox,
  file: string,
  settings: Ext4Settings,
  options: Pick<ToolRun, 'signal'> = {},
): Promise<void> {
  const extended = [
    `hash_seed=${settings.uuid}`,
    'root_owner=0:0',
    'nodiscard',
    ...(settings.offsetBytes === undefined ? [] : [`offset=${settings.offsetBytes}`]),
  ];
  await toolbox.run(
    'mke2fs',
    [
      ...['-q', '-F', '-t', 'ext4', '-b', '4096', '-L', settings.label, '-U', settings.uuid],
      ...['-E', extended.join(','), ...(settings.tar === undefined ? [] : ['-d', settings.tar])],
      ...[file, String(settings.blocks)],
    ],
    options,
  );
}
