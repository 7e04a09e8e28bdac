import { open } from 'node:fs/promises';
import { ToolError, isSystemError } from '../../shared/errors.ts';
import { MEDIUM } from '../../shared/paths.ts';
import type { BuildRecord } from './build-record.ts';
import { IsoReader } from './iso-reader.ts';
import { parseBuildRecord } from './parse-record.ts';

/** A record lists every package of an image, and is far smaller. */
const MAX_RECORD_BYTES = 16 * 1024 ** 2;
/** Files of `kernel+initrd`; their record stands beside them. */
const BESIDE = /\.(?:vmlinuz|initrd|cmdline)$/;
const RECORD = '.build.json';

/**
 * The build record of an artifact: in an ISO, or beside the files of `kernel+initrd`. Throws RECORD_MISSING,
 * RECORD_INVALID, ISO_NOT_FOUND, ISO_CUT_OFF, NOT_AN_ISO.
 */
export async function readRecord(path: string): Promise<BuildRecord> {
  if (path.endsWith(RECORD)) return readRecordFile(path, path);
  if (BESIDE.test(path)) return readRecordFile(path.replace(BESIDE, RECORD), path);
  await using iso = await IsoReader.open(path);
  for (const folder of (await iso.list(MEDIUM.root)) ?? []) {
    const bytes = await iso.read(`${MEDIUM.root}/${folder}/build.json`, MAX_RECORD_BYTES);
    if (bytes) return parseBuildRecord(bytes.toString('utf8'), path);
  }
  throw missing(path, 'it holds no build record of slipway', 'name an artifact that "slipway build" made');
}

async function readRecordFile(file: string, artifact: string): Promise<BuildRecord> {
  try {
    await using handle = await open(file, 'r');
    const found = await handle.stat();
    if (!found.isFile() || found.size > MAX_RECORD_BYTES)
      throw missing(artifact, `${file} is no build record`, 'name an artifact that "slipway build" made');
    return parseBuildRecord(await handle.readFile('utf8'), file);
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw missing(
      artifact,
      `there is no ${file}`,
      'keep it beside the other files that "slipway build" made',
    );
  }
}

function missing(artifact: string, fault: string, hint: string): ToolError {
  return new ToolError(`inspecting ${artifact}: ${fault}`, {
    code: 'RECORD_MISSING',
    kind: 'not-found',
    hint,
  });
}
