import { createHash } from 'node:crypto';
import { type PublicKey, readCleartextMessage, readKey, verify } from 'openpgp';
import { ToolError, invariant, messageOf } from '../../../shared/errors.ts';
import type { LockedSuite } from '../../lock/lock.ts';
import { type Paragraph, parseDeb822 } from '../../unpack/deb822.ts';
import type { ArchiveKey } from './keys/archive-keys.ts';

/** An archive's suite, as it must name itself. */
export interface SuiteName {
  readonly archive: LockedSuite['archive'];
  /** Its codename, `trixie`, `trixie-updates`, `trixie-security`. */
  readonly suite: string;
}

/** A file that a signed index names. */
export interface IndexedFile {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A verified index of a suite. */
export interface Release {
  readonly locked: LockedSuite;
  /** `Valid-Until`, if it has one. */
  readonly validUntil?: Date;
  /** Files are also at `by-hash/SHA256/HEX` beside their names. */
  readonly hasByHash: boolean;
  /** By path below the suite's folder, e.g. `main/binary-amd64/Packages.xz`. */
  readonly files: ReadonlyMap<string, IndexedFile>;
}

const BEGIN = '-----BEGIN PGP SIGNED MESSAGE-----\n';
const SIGNATURE = '\n-----BEGIN PGP SIGNATURE-----\n';
const END = '\n-----END PGP SIGNATURE-----';
const STRONG_HASHES = ['SHA256', 'SHA384', 'SHA512'];
/** A mirror's clock and ours may differ by so much. */
const CLOCK_TOLERANCE_MS = 24 * 3600 * 1000;

/**
 * Checks the signature of an `InRelease` file and reads what it signs. Only the exact bytes inside the
 * one signature frame count; anything before or behind it, a second frame, or lines that programs read
 * in different ways are refused.
 *
 * @param source where it came from, for messages
 * @param keys the only keys that may sign, each with its pinned fingerprint
 * @param now to judge signature times and keys by
 * Errors: RELEASE_FRAME (not exactly one clear-signed message), RELEASE_SIGNATURE (no good signature of an
 * allowed key), RELEASE_SUITE (another suite), RELEASE_MALFORMED, CONTROL_MALFORMED.
 */
export async function parseInRelease(
  bytes: Uint8Array,
  expected: SuiteName,
  source: string,
  keys: readonly ArchiveKey[],
  now: Date,
): Promise<Release> {
  const text = frameText(bytes, source);
  await checkSignature(bytes, text, expected, source, keys, now);
  const [fields, ...more] = parseDeb822(text, source);
  if (!fields || more.length > 0) throw releaseError('MALFORMED', source, 'it is not one paragraph');
  const codename = fields.get('codename');
  if (codename !== expected.suite) {
    throw releaseError('SUITE', source, `it is ${codename ?? 'nameless'}, not ${expected.suite}`);
  }
  const validUntil = fields.has('valid-until') ? readDate(fields, 'valid-until', source) : undefined;
  return {
    locked: {
      archive: expected.archive,
      suite: expected.suite,
      date: readDate(fields, 'date', source).toISOString(),
      inReleaseSha256: createHash('sha256').update(bytes).digest('hex'),
    },
    ...(validUntil === undefined ? {} : { validUntil }),
    hasByHash: fields.get('acquire-by-hash') === 'yes',
    files: readFiles(fields.get('sha256') ?? '', source),
  };
}

/**
 * Checks a suite's times when a lock is made or updated: not expired, not from the future, not older
 * than what the lock had. Errors: RELEASE_EXPIRED, RELEASE_FUTURE, RELEASE_OLDER.
 */
export function checkReleaseTimes(
  release: Release,
  previous: LockedSuite | undefined,
  source: string,
  now: Date,
): void {
  const { validUntil, locked } = release;
  if (validUntil && validUntil < now) {
    throw releaseError('EXPIRED', source, `it was valid until ${validUntil.toISOString()}`, {
      hint: "use a mirror that is kept up to date, or check this computer's clock",
    });
  }
  if (new Date(locked.date).getTime() > now.getTime() + CLOCK_TOLERANCE_MS) {
    throw releaseError('FUTURE', source, `it is dated ${locked.date}, which is in the future`, {
      hint: "check this computer's clock",
    });
  }
  if (previous && new Date(locked.date) < new Date(previous.date)) {
    throw releaseError('OLDER', source, `it is of ${locked.date}, older than the lock's ${previous.date}`, {
      hint: 'use a mirror that is up to date, or delete the lock to begin anew',
    });
  }
}

/** The text inside the frame, LF at line ends, none at its end. */
function frameText(bytes: Uint8Array, source: string): string {
  const fault = (what: string): ToolError => releaseError('FRAME', source, what);
  const all = Buffer.from(bytes).toString('latin1');
  if (!all.startsWith(BEGIN)) throw fault('it does not begin with a clear-signed message');
  const bodyStart = all.indexOf('\n\n') + 2;
  const headers = all.slice(BEGIN.length, bodyStart - 2).split('\n');
  const hashes = headers.flatMap(
    header => /^Hash: ([A-Z0-9]+(?:, ?[A-Z0-9]+)*)$/.exec(header)?.[1]?.split(/, ?/) ?? ['?'],
  );
  if (hashes.some(hash => !STRONG_HASHES.includes(hash))) {
    throw fault(`the message's headers are not a strong hash: ${headers.join(', ').slice(0, 80)}`);
  }
  const bodyEnd = all.indexOf(SIGNATURE);
  const end = all.indexOf(END);
  if (bodyEnd < bodyStart || end < bodyEnd) throw fault('its signature is missing');
  if (!/^\n?$/.test(all.slice(end + END.length))) throw fault('there is text behind the signature');
  const body = all.slice(bodyStart, bodyEnd);
  for (const line of body.split('\n')) {
    if (line.startsWith('-')) throw fault('a signed line begins with a dash');
    // The signature does not cover blanks at line ends, and line ends are read in more than one way.
    if (/[ \t]$/.test(line)) throw fault('a signed line ends in a blank');
    if (/[\r\v\f\x85]/.test(line) || line.includes('\0'))
      throw fault('a signed line holds a control character');
  }
  if (!/^[\x20-\x7e\n=]+$/.test(all.slice(bodyEnd, end))) throw fault('its signature is not plain text');
  return body;
}

async function checkSignature(
  bytes: Uint8Array,
  text: string,
  expected: SuiteName,
  source: string,
  keys: readonly ArchiveKey[],
  now: Date,
): Promise<void> {
  const verificationKeys: PublicKey[] = [];
  for (const key of keys.filter(one => one.archive === expected.archive)) {
    const read = await readKey({ armoredKey: key.armored });
    invariant(
      read.getFingerprint() === key.fingerprint,
      `the key ${key.fingerprint} is the one it should be`,
    );
    verificationKeys.push(read.toPublic());
  }
  let signatures: Awaited<ReturnType<typeof verify>>['signatures'];
  let signed: string;
  try {
    const message = await readCleartextMessage({ cleartextMessage: Buffer.from(bytes).toString('latin1') });
    const result = await verify({ message, verificationKeys, date: now });
    signatures = result.signatures;
    signed = result.data.replaceAll('\r\n', '\n');
  } catch (error) {
    throw releaseError('SIGNATURE', source, `its signature is not readable (${messageOf(error)})`, {
      cause: error,
    });
  }
  const faults: string[] = [];
  for (const signature of signatures) {
    try {
      await signature.verified;
      if (signed !== text) throw new Error('the signed text is not the text in the frame');
      return;
    } catch (error) {
      faults.push(`key ${signature.keyID.toHex()}: ${messageOf(error)}`);
    }
  }
  throw releaseError(
    'SIGNATURE',
    source,
    `no key of ${expected.archive} has signed it (${faults.join('; ')})`,
    {
      hint: 'the mirror or something on the way to it changes files, or it is no mirror of Debian',
    },
  );
}

function readDate(fields: Paragraph, field: string, source: string): Date {
  const text = fields.get(field) ?? '';
  // RFC 5322 with the zone UTC, as Debian writes it; "UTC" itself is what Date.parse knows as well.
  const isKnown = /^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d{1,2}:\d{2}:\d{2} (?:UTC|GMT|\+0000)$/.test(
    text,
  );
  const date = new Date(isKnown ? text : Number.NaN);
  if (Number.isNaN(date.getTime())) {
    throw releaseError('MALFORMED', source, `its ${field} ${JSON.stringify(text.slice(0, 60))} is no date`);
  }
  return date;
}

function readFiles(field: string, source: string): Map<string, IndexedFile> {
  const files = new Map<string, IndexedFile>();
  for (const line of field.split('\n').filter(Boolean)) {
    const [, sha256, size, path] =
      /^([0-9a-f]{64}) +(\d{1,12}) ([A-Za-z0-9][A-Za-z0-9+._/~-]*)$/.exec(line.trim()) ?? [];
    if (sha256 === undefined || path === undefined || path.split('/').includes('..')) {
      throw releaseError('MALFORMED', source, 'a line of its SHA256 list is malformed');
    }
    files.set(path, { sha256, sizeBytes: Number(size) });
  }
  return files;
}

function releaseError(
  what: 'FRAME' | 'SIGNATURE' | 'SUITE' | 'MALFORMED' | 'EXPIRED' | 'FUTURE' | 'OLDER',
  source: string,
  fault: string,
  more: { readonly hint?: string; readonly cause?: unknown } = {},
): ToolError {
  return new ToolError(`checking ${source}: ${fault}`, {
    code: `RELEASE_${what}`,
    kind: 'integrity',
    ...more,
  });
}
