import { messageOf } from '../../shared/errors.ts';
import { decodeText } from '../../shared/yaml/decode.ts';
import { InputError } from '../../shared/yaml/faults.ts';
import type { BlockDevice } from '../host/block-devices.ts';
import { type ForeignFile, readForeignFiles } from '../host/foreign-files.ts';
import type { Superblock } from '../host/superblock.ts';
import {
  type CloudConfig,
  EMPTY_CLOUD_CONFIG,
  MAX_USER_DATA_BYTES,
  mergeCloudConfigs,
  parseCloudConfig,
  parseMetadata,
} from './cloud-config.ts';

/** A data source that was found and read. */
export interface DataSource {
  /** For messages, such as `NoCloud on /dev/vdb`. */
  readonly name: string;
  readonly instanceId?: string;
  readonly config: CloudConfig;
  readonly notices: readonly string[];
}

/** True for what NoCloud calls a seed: FAT or ISO 9660 labelled `cidata`, in capitals too. */
export function isSeed(superblock: Superblock | undefined): boolean {
  return (
    (superblock?.type === 'vfat' || superblock?.type === 'iso9660') &&
    superblock.label.toLowerCase() === 'cidata'
  );
}

/**
 * Chooses the seed among the devices: none, or the only one. Two are refused like two states are, because one of them
 * may have been plugged in to take the machine over.
 */
export function chooseSeed<T extends BlockDevice & { readonly superblock?: Superblock }>(
  devices: readonly T[],
): { readonly seed?: T; readonly notice?: string } {
  const labelled = devices.filter(device => isSeed(device.superblock));
  // A hybrid image shows its label on the whole disk and on its first partition.
  const seeds = labelled.filter(device => !labelled.some(other => other.name === device.disk));
  const [seed, second] = seeds;
  if (second !== undefined) {
    return {
      notice: `${seeds.map(device => device.path).join(', ')} are all labelled cidata; none of them is used`,
    };
  }
  return seed === undefined ? {} : { seed };
}

/** Reads a seed. Whatever is wrong with it becomes a notice; the boot goes on. */
export async function readSeed(
  device: BlockDevice & { readonly superblock?: Superblock },
): Promise<DataSource> {
  const name = `NoCloud on ${device.path}`;
  const type = device.superblock?.type === 'iso9660' ? 'iso9660' : 'vfat';
  try {
    const files = await readForeignFiles(device.path, type, ['user-data', 'meta-data'], MAX_USER_DATA_BYTES);
    return parseSeed(name, files);
  } catch (error) {
    return { name, config: EMPTY_CLOUD_CONFIG, notices: [`${name}: ${messageOf(error)}`] };
  }
}

/** Makes a data source of the files of a seed. */
export function parseSeed(name: string, files: ReadonlyMap<string, ForeignFile>): DataSource {
  const notices: string[] = [];
  const text = (file: string): string => {
    const found = files.get(file);
    if (found === undefined) {
      if (file === 'user-data') notices.push(`${name}: there is no file "user-data"`);
      return '';
    }
    if (found.truncated) {
      notices.push(`${name}: ${file} is larger than ${MAX_USER_DATA_BYTES} bytes; it is not used`);
      return '';
    }
    try {
      return decodeText(file, found.bytes);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      notices.push(`${name}: ${file} is not UTF-8 text; it is not used`);
      return '';
    }
  };
  const user = parseCloudConfig(`${name}: user-data`, text('user-data'));
  const { metadata, notices: more } = parseMetadata(`${name}: meta-data`, text('meta-data'));
  const fromMetadata: CloudConfig = {
    ...(metadata.hostname === undefined ? {} : { hostname: metadata.hostname }),
    sshAuthorizedKeys: metadata.sshAuthorizedKeys,
    autologin: [],
  };
  return {
    name,
    ...(metadata.instanceId === undefined ? {} : { instanceId: metadata.instanceId }),
    config: mergeCloudConfigs([fromMetadata, user.config]),
    notices: [...notices, ...user.notices, ...more],
  };
}
