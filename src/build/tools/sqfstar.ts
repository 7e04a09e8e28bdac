import type { ToolRun, Toolbox } from './toolbox.ts';

export interface SquashfsSettings {
  readonly compression: 'zstd' | 'xz';
  readonly blockBytes: number;
  /** zstd only, 1 to 22. */
  readonly level?: number;
  /** xz only: branch filter of the architecture's instructions. */
  readonly filter?: 'x86';
  /** Root of the file system: tar's own `./` entry does not set it. */
  readonly root: { readonly mode: number; readonly uid: number; readonly gid: number };
}

/**
 * Runs sqfstar (squashfs-tools 4.6): a tar stream becomes a squashfs file at `output`, which must not
 * exist. Every date comes from the stream and SOURCE_DATE_EPOCH; equal streams give equal bytes on any
 * number of processors.
 */
export async function runSqfstar(
  toolbox: Toolbox,
  tar: AsyncIterable<Uint8Array>,
  output: string,
  settings: SquashfsSettings,
  options: Pick<ToolRun, 'signal'> = {},
): Promise<void> {
  const { root } = settings;
  await toolbox.run(
    'sqfstar',
    [
      ...['-quiet', '-no-progress', '-b', String(settings.blockBytes), '-comp', settings.compression],
      ...(settings.compression === 'zstd' && settings.level !== undefined
        ? ['-Xcompression-level', String(settings.level)]
        : []),
      ...(settings.compression === 'xz' && settings.filter !== undefined ? ['-Xbcj', settings.filter] : []),
      ...['-root-mode', root.mode.toString(8), '-root-uid', String(root.uid), '-root-gid', String(root.gid)],
      output,
    ],
    { input: tar, ...options },
  );
}
