import { type KeyObject, createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** A certificate and its key, both PEM. */
export interface Certified {
  readonly certificate: string;
  readonly key: string;
}

/** Who may sign for others. */
export type Authority = Certified;

const OID = {
  commonName: [2, 5, 4, 3],
  ecdsaWithSha256: [1, 2, 840, 10045, 4, 3, 2],
  basicConstraints: [2, 5, 29, 19],
  subjectAltName: [2, 5, 29, 17],
} as const;

/** Makes an authority that signs with `issueCertificate`. */
export function makeAuthority(name: string): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return certify(name, name, publicKey, privateKey, privateKey, [
    extension(OID.basicConstraints, true, der(0x30, der(0x01, Buffer.of(0xff)))),
  ]);
}

/** Makes a certificate for 127.0.0.1, for a server or a client. @param authorityName as it was made */
export function issueCertificate(authority: Authority, authorityName: string, name: string): Certified {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return certify(name, authorityName, publicKey, privateKey, createPrivateKey(authority.key), [
    extension(OID.subjectAltName, false, der(0x30, der(0x87, Buffer.of(127, 0, 0, 1)))),
  ]);
}

function certify(
  subject: string,
  issuer: string,
  publicKey: KeyObject,
  privateKey: KeyObject,
  signer: KeyObject,
  extensions: readonly Buffer[],
): Certified {
  const algorithm = der(0x30, oid(OID.ecdsaWithSha256));
  const body = der(
    0x30,
    // Version 3.
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])),
    algorithm,
    nameOf(issuer),
    der(0x30, der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from('491231235959Z'))),
    nameOf(subject),
    publicKey.export({ format: 'der', type: 'spki' }),
    der(0xa3, der(0x30, ...extensions)),
  );
  const signature = sign('sha256', body, signer);
  const whole = der(0x30, body, algorithm, der(0x03, Buffer.of(0), signature));
  const lines = whole.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd();
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ format: 'pem', type: 'sec1' }).toString(),
  };
}

function nameOf(commonName: string): Buffer {
  return der(0x30, der(0x31, der(0x30, oid(OID.commonName), der(0x0c, Buffer.from(commonName)))));
}

function extension(id: readonly number[], isCritical: boolean, value: Buffer): Buffer {
  const critical = isCritical ? [der(0x01, Buffer.of(0xff))] : [];
  return der(0x30, oid(id), ...critical, der(0x04, value));
}

function oid([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  const groups = rest.flatMap(number => {
    const bytes = [number & 0x7f];
    for (let left = number >> 7; left > 0; left >>= 7) bytes.unshift((left & 0x7f) | 0x80);
    return bytes;
  });
  return der(0x06, Buffer.of(first * 40 + second, ...groups));
}

/** One value in DER: tag, length, content. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}
