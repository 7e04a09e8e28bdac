import { writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { invariant } from '../../shared/errors.ts';
import type { ToolRun, Toolbox } from './toolbox.ts';

const SECTOR_BYTES = 512;
/** Geometry that mformat wants for an image of any size. */
const HEADS = 16;
const SECTORS_PER_TRACK = 32;
const TRACK_BYTES = HEADS * SECTORS_PER_TRACK * SECTOR_BYTES;

export interface FatFile {
  /** Path in the file system, names separated by `/`. */
  readonly path: string;
  /** A file of the build host, or its bytes. */
  readonly source: string | Uint8Array;
}

export interface FatImage {
  /** At most 11 characters. */
  readonly label: string;
  /** Volume serial number, 8 hexadecimal digits. */
  readonly serial: string;
  /** Rounded up to whole cylinders. */
  readonly sizeBytes: number;
  readonly files: readonly FatFile[];
}

/** Smallest FAT image that holds these files with their folders, in whole cylinders of 256 KiB. */
export function fatImageBytes(fileBytes: readonly number[]): number {
  // A cluster for each file's end, tables and folders: generous, since what is left is zeros.
  const data = fileBytes.reduce((sum, size) => sum + Math.ceil(size / 2048) * 2048, 0);
  return Math.ceil((data * 1.01 + 96 * 1024) / TRACK_BYTES) * TRACK_BYTES;
}

/**
 * Makes a FAT image at `output`. `scratch` is a folder for what the tools read; every date is
 * SOURCE_DATE_EPOCH, so equal input gives equal bytes.
 */
export async function makeFatImage(
  toolbox: Toolbox,
  image: FatImage,
  output: string,
  scratch: string,
  options: Pick<ToolRun, 'signal'> = {},
): Promise<void> {
  invariant(/^[0-9a-f]{8}$/.test(image.serial), `FAT serial ${image.serial}`);
  const sectors = Math.ceil(image.sizeBytes / TRACK_BYTES) * HEADS * SECTORS_PER_TRACK;
  await toolbox.run(
    'mformat',
    [
      ...['-C', '-i', output, '-T', String(sectors), '-h', String(HEADS), '-s', String(SECTORS_PER_TRACK)],
      ...['-N', image.serial, '-v', image.label, '::'],
    ],
    options,
  );
  const folders = new Set<string>();
  for (const { path } of image.files) {
    for (let parent = posix.dirname(path); parent !== '.' && parent !== '/'; parent = posix.dirname(parent)) {
      folders.add(parent);
    }
  }
  const sorted = [...folders].sort();
  if (sorted.length > 0) {
    await toolbox.run('mmd', ['-i', output, ...sorted.map(folder => `::/${folder}`)], options);
  }
  for (const [index, file] of image.files.entries()) {
    let source = file.source;
    if (typeof source !== 'string') {
      source = join(scratch, `fat-${index}`);
      await writeFile(source, file.source, { flag: 'wx' });
    }
    await toolbox.run('mcopy', ['-i', output, source, `::/${file.path}`], options);
  }
}

/** A file's bytes as text out of a FAT image. */
export async function readFatFile(toolbox: Toolbox, image: string, path: string): Promise<string> {
  return (await toolbox.run('mtype', ['-i', image, `::/${path}`])).stdout;
}
