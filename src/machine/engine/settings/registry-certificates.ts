import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError, isSystemError } from '../../../shared/errors.ts';
import type { HostCertificates } from '../../../shared/oci/registry-fetch.ts';

/**
 * Certificates for one registry, as Docker has them in certs.d/HOST[:PORT]: `*.crt` are authorities, `NAME.cert` and
 * `NAME.key` what the machine shows. The last folder that has the registry counts; undefined where none has. Read at
 * each pull, so a change needs no word to anyone. Throws
 * ENGINE_SETTINGS_INVALID for a certificate without its key, and I/O errors.
 */
export function readRegistryCertificates(
  folders: readonly string[],
  host: string,
): HostCertificates | undefined {
  // A host never holds a slash; dots alone would lead out of the folder.
  if (!/[^.]/.test(host) || host.includes('/')) return undefined;
  for (const folder of [...folders].reverse()) {
    const names = list(join(folder, host));
    if (names === undefined) continue;
    const read = (name: string): string => readFileSync(join(folder, host, name), 'utf8');
    const authorities = names.filter(name => name.endsWith('.crt')).map(read);
    const certificate = names.find(name => name.endsWith('.cert'));
    if (certificate === undefined) return { authorities };
    const key = certificate.replace(/cert$/, 'key');
    if (!names.includes(key)) {
      throw new ToolError(`${join(folder, host, certificate)}: its key is missing: ${key}`, {
        code: 'ENGINE_SETTINGS_INVALID',
        kind: 'environment',
      });
    }
    return { authorities, certificate: read(certificate), key: read(key) };
  }
  return undefined;
}

function list(folder: string): string[] | undefined {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
