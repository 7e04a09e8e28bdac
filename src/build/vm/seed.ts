import { readFile } from 'node:fs/promises';
import { ToolError, messageOf } from '../../shared/errors.ts';
import { decodeText } from '../../shared/yaml/decode.ts';
import { CLOUD_CONFIG_KEYS, unusedCloudConfigKeys } from '../../shared/cloud-config-keys.ts';
import type { Fault } from '../../shared/yaml/faults.ts';
import { parseYaml, pointerTo } from '../../shared/yaml/parse.ts';
import { quoted } from '../../shared/yaml/place.ts';
import { fatImageBytes, makeFatImage } from '../tools/mtools.ts';
import type { Toolbox } from '../tools/toolbox.ts';

/** A machine keeps the id it first saw beside its state; all machines of `slipway run` have the same. */
const INSTANCE_ID = 'slipway-run';
const HEADER = '#cloud-config';

export interface SeedContent {
  readonly hostname?: string;
  readonly authorizedKeys: readonly string[];
  /** Consoles on which a person is logged in without a password; only the serial line of `run`. */
  readonly autologin: readonly string[];
  /** The user's own cloud-config, as text of `file`. */
  readonly cloudConfig?: { readonly file: string; readonly text: string };
}

/** The files of a NoCloud disk. */
export interface SeedFiles {
  readonly userData: string;
  readonly metaData: string;
}

/**
 * Puts the files of a NoCloud seed together. Keys go to the meta-data, where a user's cloud-config adds
 * to them; what that says itself (host name, `rancher.autologin`) wins. JSON is written, which every
 * reader of YAML reads alike. Throws SEED_NOT_CLOUD_CONFIG, and YAML_INVALID with the place.
 */
export function formatSeed(content: SeedContent): SeedFiles {
  const user = content.cloudConfig ? readUserConfig(content.cloudConfig) : {};
  const rancher = isRecord(user.rancher) ? user.rancher : {};
  const userData = {
    ...user,
    ...(content.autologin.length > 0 || isRecord(user.rancher)
      ? {
          rancher: {
            ...(content.autologin.length > 0 ? { autologin: content.autologin } : {}),
            ...rancher,
          },
        }
      : {}),
  };
  const metaData = {
    'instance-id': INSTANCE_ID,
    ...(content.hostname === undefined ? {} : { 'local-hostname': content.hostname }),
    ...(content.authorizedKeys.length > 0 ? { 'public-keys': content.authorizedKeys } : {}),
  };
  return {
    userData: `${HEADER}\n${JSON.stringify(userData, null, 2)}\n`,
    metaData: `${JSON.stringify(metaData, null, 2)}\n`,
  };
}

/** What a cloud-config says in vain: keys that the machine does not use, each with its place. */
export function seedWarnings({ file, text }: { readonly file: string; readonly text: string }): Fault[] {
  const document = parseYaml(file, text, 'cloud-config');
  const { value } = document;
  if (!isRecord(value)) return [];
  return unusedCloudConfigKeys(value).map(steps => ({
    message: `${quoted(steps.join('.'))} has no effect: the machine does not use it`,
    place: document.keyPlaceOf(steps.reduce(pointerTo, '')),
    hint: `the keys that work are ${CLOUD_CONFIG_KEYS.join(', ')}`,
  }));
}

/** Reads a file for `--cloud-config`. Throws SEED_NOT_READABLE. */
export async function loadCloudConfig(
  file: string,
): Promise<{ readonly file: string; readonly text: string }> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new ToolError(`reading the cloud-config ${file}: ${messageOf(error)}`, {
      code: 'SEED_NOT_READABLE',
      kind: 'not-found',
      hint: 'name a file that exists with --cloud-config',
      cause: error,
    });
  }
  return { file, text: decodeText(file, bytes) };
}

/** Makes the seed disk: a FAT image labelled `cidata`. */
export async function makeSeedDisk(
  toolbox: Toolbox,
  files: SeedFiles,
  output: string,
  scratch: string,
  signal?: AbortSignal,
): Promise<void> {
  const list = [
    { path: 'user-data', source: Buffer.from(files.userData) },
    { path: 'meta-data', source: Buffer.from(files.metaData) },
  ];
  const sizeBytes = fatImageBytes(list.map(({ source }) => source.length));
  const image = { label: 'cidata', serial: '51195eed', sizeBytes, files: list };
  await makeFatImage(toolbox, image, output, scratch, { signal });
}

function readUserConfig({
  file,
  text,
}: {
  readonly file: string;
  readonly text: string;
}): Record<string, unknown> {
  if (!/^#cloud-config(?:\s|$)/.test(text)) {
    throw new ToolError(`reading the cloud-config ${file}: its first line is not "${HEADER}"`, {
      code: 'SEED_NOT_CLOUD_CONFIG',
      kind: 'invalid-input',
      hint: `begin the file with a line "${HEADER}"; scripts and archives of parts can't be added to the seed`,
    });
  }
  const value = plain(parseYaml(file, text, 'cloud-config').value);
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) {
    throw new ToolError(`reading the cloud-config ${file}: it is not a mapping of keys to values`, {
      code: 'SEED_NOT_CLOUD_CONFIG',
      kind: 'invalid-input',
      hint: 'write lines such as "hostname: my-machine"',
    });
  }
  return value;
}

/** What JSON can hold of a YAML value: mappings become objects. */
function plain(value: unknown): unknown {
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, item]) => [String(key), plain(item)]));
  }
  return Array.isArray(value) ? value.map(plain) : value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
