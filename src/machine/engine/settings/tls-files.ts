import { join } from 'node:path';
import { ToolError, messageOf } from '../../../shared/errors.ts';
import { readSmallFile } from './small-file.ts';

/** What the TLS port shows and asks for. All texts are PEM. */
export interface TlsFiles {
  /** Certificates of whoever signs those of clients. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  /** What a person should change, although it works. */
  readonly warning?: string;
}

const NAMES = ['ca.pem', 'server-cert.pem', 'server-key.pem'] as const;

/**
 * Reads certificates and key from the last folder that has any of the files. Throws TLS_FILES_UNUSABLE, saying what is
 * missing or does not fit.
 */
export async function readTlsFiles(folders: readonly string[]): Promise<TlsFiles> {
  for (const folder of [...folders].reverse()) {
    const [ca, certificate, key] = await Promise.all(NAMES.map(name => readSmallFile(join(folder, name))));
    if (ca === undefined && certificate === undefined && key === undefined) continue;
    if (ca === undefined || certificate === undefined || key === undefined) {
      const missing = NAMES.filter((_, i) => [ca, certificate, key][i] === undefined);
      throw unusable(`${folder} has no ${missing.join(' and no ')}`);
    }
    const files = { authority: ca.text, certificate: certificate.text, key: key.text };
    check(files, folder);
    const isWide = (key.mode & 0o077) !== 0;
    const file = join(folder, NAMES[2]);
    return {
      ...files,
      ...(isWide ? { warning: `${file} can be read by others than root: chmod 600 ${file}` } : {}),
    };
  }
  throw unusable(`there is no ${NAMES.join(', no ')} in ${folders.join(' or ')}`);
}

/** Whether the three can be used together. */
function check({ authority, certificate, key }: TlsFiles, folder: string): void {
  if (!authority.includes('-----BEGIN CERTIFICATE-----')) {
    throw unusable(`${join(folder, NAMES[0])} holds no certificate`);
  }
  try {
    // Loaded here, since TLS takes memory and most machines never get here.
    process.getBuiltinModule('node:tls').createSecureContext({ ca: authority, cert: certificate, key });
  } catch (cause) {
    throw unusable(`certificate and key in ${folder} do not fit: ${messageOf(cause)}`, cause);
  }
}

function unusable(fault: string, cause?: unknown): ToolError {
  return new ToolError(fault, { code: 'TLS_FILES_UNUSABLE', kind: 'environment', cause });
}
