import { ContentReader } from '../../../shared/fs/content-reader.ts';
import type { Tree } from '../../tree/tree.ts';

const SOURCE = 'usr/share/ca-certificates';
const BUNDLE = 'etc/ssl/certs/ca-certificates.crt';

/**
 * Joins the authorities' certificates of the package ca-certificates into the one file that OpenSSL,
 * GnuTLS and others read, as `update-ca-certificates` does; does nothing where there are none.
 */
export function putCertificates(tree: Tree): void {
  using reader = new ContentReader();
  const parts: Uint8Array[] = [];
  for (const entry of tree.below(SOURCE)) {
    if (entry.kind !== 'file' || !entry.path.endsWith('.crt')) continue;
    parts.push(reader.readAll(entry.content), Buffer.from('\n'));
  }
  if (parts.length === 0) return;
  tree.remove(SOURCE);
  tree.file(BUNDLE, Buffer.concat(parts));
  if (!tree.has('usr/lib/ssl/certs')) tree.symlink('usr/lib/ssl/certs', '/etc/ssl/certs');
  if (!tree.has('usr/lib/ssl/cert.pem')) tree.symlink('usr/lib/ssl/cert.pem', `/${BUNDLE}`);
}
