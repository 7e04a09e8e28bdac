import { ToolError } from '../../shared/errors.ts';
import type { ToolRun, Toolbox } from './toolbox.ts';

export const VERITY_BLOCK_BYTES = 4096;

export interface VerityHash {
  /** 64 hexadecimal digits. */
  readonly rootHash: string;
}

/**
 * Appends a dm-verity hash tree (format 1, sha256, 4096-byte blocks, with superblock) to a file of
 * `dataBlocks` blocks.
 */
export async function appendVerityTree(
  toolbox: Toolbox,
  file: string,
  settings: { readonly dataBlocks: number; readonly salt: string; readonly uuid: string },
  options: Pick<ToolRun, 'signal'> = {},
): Promise<VerityHash> {
  const { stdout } = await toolbox.run(
    'veritysetup',
    [
      'format',
      ...layout(settings.dataBlocks),
      ...['--hash=sha256', '--format=1', `--salt=${settings.salt}`, `--uuid=${settings.uuid}`],
      ...[file, file],
    ],
    options,
  );
  const rootHash = /^Root hash:\s*([0-9a-f]{64})$/m.exec(stdout)?.[1];
  if (!rootHash) throw new Error(`veritysetup printed no root hash: ${stdout.slice(0, 200)}`);
  return { rootHash };
}

/** Reads every block of the file against its hash tree; throws VERITY_MISMATCH when one differs. */
export async function verifyVerityTree(
  toolbox: Toolbox,
  file: string,
  hash: { readonly dataBlocks: number; readonly rootHash: string },
  options: Pick<ToolRun, 'signal'> = {},
): Promise<void> {
  const { exitCode } = await toolbox.run(
    'veritysetup',
    ['verify', ...layout(hash.dataBlocks), file, file, hash.rootHash],
    // 1: the hash tree does not match; 2: superblock damaged.
    { ...options, exitCodes: [1, 2] },
  );
  if (exitCode !== 0) {
    throw new ToolError(`verifying ${file}: its content does not match its root hash`, {
      code: 'VERITY_MISMATCH',
      kind: 'integrity',
      hint: 'the file was changed or damaged; build it again',
    });
  }
}

function layout(dataBlocks: number): string[] {
  return [
    `--data-block-size=${VERITY_BLOCK_BYTES}`,
    `--hash-block-size=${VERITY_BLOCK_BYTES}`,
    `--data-blocks=${dataBlocks}`,
    `--hash-offset=${dataBlocks * VERITY_BLOCK_BYTES}`,
  ];
}
