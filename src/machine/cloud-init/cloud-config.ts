import { unusedCloudConfigKeys } from '../../shared/cloud-config-keys.ts';
import { InputError } from '../../shared/yaml/faults.ts';
import { parseYaml } from '../../shared/yaml/parse.ts';
import { printable } from '../../shared/yaml/place.ts';

/** The values of a cloud-config that the machine uses so far. */
export interface CloudConfig {
  readonly hostname?: string;
  /** Public keys in OpenSSH's form, one line each, for the user `rancher`. */
  readonly sshAuthorizedKeys: readonly string[];
  /** Consoles, such as `ttyS0`, on which no password is asked. */
  readonly autologin: readonly string[];
}

/** A cloud-config as read, with one line about each thing in it that was not used. */
export interface ParsedCloudConfig {
  readonly config: CloudConfig;
  readonly notices: readonly string[];
}

/** What a NoCloud `meta-data` file says. */
export interface InstanceMetadata {
  readonly instanceId?: string;
  readonly hostname?: string;
  readonly sshAuthorizedKeys: readonly string[];
}

export interface ParsedMetadata {
  readonly metadata: InstanceMetadata;
  readonly notices: readonly string[];
}

/** At most this much of a user-data or meta-data file is read, in bytes. */
export const MAX_USER_DATA_BYTES = 1024 * 1024;
const MAX_KEYS = 200;

export const EMPTY_CLOUD_CONFIG: CloudConfig = { sshAuthorizedKeys: [], autologin: [] };

// An RFC 1123 name; Linux keeps at most 64 bytes of it.
const HOSTNAME =
  /^(?=.{1,64}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
const KEY_TYPE =
  /(?:^|\s)(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)\s+[A-Za-z0-9+/]{16,}={0,3}(?:\s|$)/;
// One line of printable text; UTF-8 in comments is allowed.
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;
const TTY = /^tty[A-Za-z0-9]{1,12}$/;

/**
 * Reads user-data. Whatever it holds, the boot goes on: what can't be used is left out with a notice. Text that
 * does not begin with `#cloud-config` is not cloud-config and is not used at all. YAML 1.1, as cloud-init.
 *
 * @param source name for notices, such as `NoCloud on /dev/vdb: user-data`
 */
export function parseCloudConfig(source: string, text: string): ParsedCloudConfig {
  const notices: string[] = [];
  if (text.trim() === '') return { config: EMPTY_CLOUD_CONFIG, notices };
  if (!/^#cloud-config(?:\s|$)/.test(text)) {
    const kind = text.startsWith('#!') ? 'a script, which is not supported yet' : 'not cloud-config';
    notices.push(`${source}: ${kind} (its first line is not "#cloud-config"); it is not used`);
    return { config: EMPTY_CLOUD_CONFIG, notices };
  }
  const values = readMapping(source, text, notices);
  if (values === undefined) return { config: EMPTY_CLOUD_CONFIG, notices };

  const rancher = asMapping(values.get('rancher'));
  for (const steps of unusedCloudConfigKeys(Object.fromEntries(values)))
    notices.push(`${source}: "${steps.map(show).join('.')}" is not used by this version`);
  const hostname = readHostname(source, 'hostname', values.get('hostname'), notices);
  return {
    config: {
      ...(hostname === undefined ? {} : { hostname }),
      sshAuthorizedKeys: readKeys(source, 'ssh_authorized_keys', values.get('ssh_authorized_keys'), notices),
      autologin: readTerminals(source, 'rancher.autologin', rancher.get('autologin'), notices),
    },
    notices,
  };
}

/** Reads NoCloud meta-data (a YAML mapping; keys it does not know are ignored silently, as cloud-init does). */
export function parseMetadata(source: string, text: string): ParsedMetadata {
  const notices: string[] = [];
  const values = text.trim() === '' ? undefined : readMapping(source, text, notices);
  if (values === undefined) return { metadata: { sshAuthorizedKeys: [] }, notices };
  const id = values.get('instance-id');
  const hostname = readHostname(source, 'local-hostname', values.get('local-hostname'), notices);
  const keys = values.get('public-keys');
  let instanceId: string | undefined;
  if (typeof id === 'string' || typeof id === 'number') {
    const spelled = String(id);
    if (spelled.length <= 256 && printable(spelled) === spelled && !/[\n\t]/.test(spelled))
      instanceId = spelled;
    else notices.push(`${source}: "instance-id" is too long or not one line of text`);
  }
  return {
    metadata: {
      ...(instanceId === undefined ? {} : { instanceId }),
      ...(hostname === undefined ? {} : { hostname }),
      sshAuthorizedKeys: readKeys(
        source,
        'public-keys',
        isMapping(keys) ? [...asMapping(keys).values()] : keys,
        notices,
      ),
    },
    notices,
  };
}

/** Puts configurations together, later ones winning: a host name replaces, keys and consoles add up. */
export function mergeCloudConfigs(configs: readonly CloudConfig[]): CloudConfig {
  const hostname = configs.findLast(config => config.hostname !== undefined)?.hostname;
  return {
    ...(hostname === undefined ? {} : { hostname }),
    sshAuthorizedKeys: [...new Set(configs.flatMap(config => config.sshAuthorizedKeys))],
    autologin: [...new Set(configs.flatMap(config => config.autologin))],
  };
}

/** One or more keys as an outside source gives them; what is no public key is left out with a notice. */
export function readKeys(source: string, key: string, value: unknown, notices: string[]): string[] {
  if (value === undefined || value === null) return [];
  const items: unknown[] = Array.isArray(value) ? value : [value];
  const keys: string[] = [];
  for (const [index, item] of items.entries()) {
    const line = typeof item === 'string' ? item.trim() : undefined;
    if (keys.length >= MAX_KEYS) {
      notices.push(`${source}: more than ${MAX_KEYS} keys in "${key}"; the rest is not used`);
      break;
    }
    if (line !== undefined && line.length <= 16_384 && !CONTROL.test(line) && KEY_TYPE.test(line))
      keys.push(line);
    else notices.push(`${source}: item ${index + 1} of "${key}" is not a public key in OpenSSH's form`);
  }
  return keys;
}

/** A host name; anything else gives undefined and a notice. */
export function readHostname(
  source: string,
  key: string,
  value: unknown,
  notices: string[],
): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && HOSTNAME.test(value)) return value;
  notices.push(`${source}: "${key}" is not a host name: letters, digits, "-" and ".", at most 64`);
  return undefined;
}

/** Names of consoles. */
export function readTerminals(source: string, key: string, value: unknown, notices: string[]): string[] {
  if (value === undefined || value === null) return [];
  const items: unknown[] = Array.isArray(value) ? value : [value];
  return items.flatMap(item => {
    if (typeof item === 'string' && TTY.test(item)) return [item];
    notices.push(`${source}: "${key}" takes names of consoles such as ttyS0`);
    return [];
  });
}

function readMapping(source: string, text: string, notices: string[]): Map<string, unknown> | undefined {
  let value: unknown;
  try {
    value = parseYaml(source, text, 'cloud-config', {
      maxLength: MAX_USER_DATA_BYTES,
      maxDepth: 32,
      maxNodes: 50_000,
    }).value;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    for (const fault of error.faults) {
      const line = fault.place === undefined ? '' : `:${fault.place.line}:${fault.place.column}`;
      notices.push(`${source}${line}: ${fault.message}; it is not used`);
    }
    return undefined;
  }
  if (value === undefined || value === null) return undefined;
  if (!isMapping(value)) {
    notices.push(`${source}: not a mapping of keys to values; it is not used`);
    return undefined;
  }
  return asMapping(value);
}

/** Own keys only, so that `__proto__` and its like are plain keys. */
function asMapping(value: unknown): Map<string, unknown> {
  return new Map<string, unknown>(isMapping(value) ? Object.entries(value) : []);
}

function isMapping(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A key from outside as part of a line that goes to a console. */
function show(key: string): string {
  return key.slice(0, 60).replace(/[^\x20-\x7e]/g, '?');
}
