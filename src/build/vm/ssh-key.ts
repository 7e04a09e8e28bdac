import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface SshKeyPair {
  /** OpenSSH's own private key format, not encrypted. */
  readonly privateKey: string;
  /** One line as in authorized_keys. */
  readonly publicKey: string;
}

const PUBLIC_KEY =
  /^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]+=* ?[^\n]*$/;
const MAX_KEY_BYTES = 16 * 1024;

/** The user's own public keys, `*.pub` in the folder, sorted by name; none if there is no such folder. */
export async function loadPublicKeys(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const keys: string[] = [];
  for (const name of names.filter(name => name.endsWith('.pub')).sort()) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => '');
    const line = text.trim();
    if (text.length <= MAX_KEY_BYTES && PUBLIC_KEY.test(line)) keys.push(line);
  }
  return keys;
}

/** Makes an ed25519 key pair in OpenSSH's formats (PROTOCOL.key of OpenSSH; RFC 8709). */
export function generateSshKey(comment: string): SshKeyPair {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { d, x } = privateKey.export({ format: 'jwk' });
  const seed = Buffer.from(d ?? '', 'base64url');
  const point = Buffer.from(x ?? '', 'base64url');
  const publicBlob = Buffer.concat([sshString('ssh-ed25519'), sshString(point)]);
  const check = randomBytes(4);
  const secret = Buffer.concat([
    ...[check, check, publicBlob],
    sshString(Buffer.concat([seed, point])),
    sshString(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const count = Buffer.alloc(4);
  count.writeUInt32BE(1);
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...[sshString('none'), sshString('none'), sshString('')],
    ...[count, sshString(publicBlob), sshString(Buffer.concat([secret, padding]))],
  ]);
  const lines = file.toString('base64').match(/.{1,70}/g) ?? [];
  return {
    privateKey: [
      '-----BEGIN OPENSSH PRIVATE KEY-----',
      ...lines,
      '-----END OPENSSH PRIVATE KEY-----',
      '',
    ].join('\n'),
    publicKey: `ssh-ed25519 ${publicBlob.toString('base64')} ${comment}`,
  };
}

/** The string type of RFC 4251: length, then bytes. */
function sshString(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
