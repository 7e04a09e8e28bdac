import { ToolError } from '../errors.ts';

/** Size of a tar block; headers are one block and contents are padded to whole ones. */
export const BLOCK_BYTES = 512;

/** Fields of one 512-byte header (POSIX ustar, with GNU's binary numbers), not yet interpreted. */
export interface RawHeader {
  /** Name with the ustar prefix in front, as bytes. */
  readonly name: Uint8Array;
  readonly linkName: Uint8Array;
  /** One character; the old NUL type is given as `0`. */
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A fault of the archive. `where` names it; code TAR_MALFORMED unless another is given. */
export function tarError(where: string, fault: string, code = 'TAR_MALFORMED'): ToolError {
  return new ToolError(`reading ${where}: ${fault}`, {
    code,
    kind: code === 'TAR_UNSUPPORTED' ? 'unsupported' : 'invalid-input',
  });
}

const ZEROS = Buffer.alloc(4096);

/** True when the block, of any length, holds only zeros: one half of the end marker. */
export function isZeroBlock(block: Uint8Array): boolean {
  if (block[0] !== 0) return block.length === 0;
  // Compared, not looped over: an archive may end in gigabytes of zeros.
  for (let at = 0; at < block.length; at += ZEROS.length) {
    const piece = block.subarray(at, at + ZEROS.length);
    if (ZEROS.compare(piece, 0, piece.length, 0, piece.length) !== 0) return false;
  }
  return true;
}

/** Reads one header block and checks its checksum. Throws TAR_MALFORMED. */
export function parseHeader(block: Uint8Array, where: string): RawHeader {
  const stored = parseNumber(block, 148, 8, 'checksum', where);
  let sum = 0;
  for (let index = 0; index < BLOCK_BYTES; index++) {
    sum += index >= 148 && index < 156 ? 0x20 : (block[index] ?? 0);
  }
  if (sum !== stored) throw tarError(where, 'a header has a wrong checksum');
  const isPosix = latin1(block.subarray(257, 263)) === 'ustar\0';
  const isGnu = latin1(block.subarray(257, 265)) === 'ustar  \0';
  const prefix = isPosix ? untilNul(block.subarray(345, 500)) : new Uint8Array();
  const name = untilNul(block.subarray(0, 100));
  const typeByte = block[156] ?? 0;
  const hasDevice = isPosix || isGnu;
  return {
    name: prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name,
    linkName: untilNul(block.subarray(157, 257)),
    type: typeByte === 0 ? '0' : String.fromCharCode(typeByte),
    mode: parseNumber(block, 100, 8, 'mode', where) & 0o7777,
    uid: parseNumber(block, 108, 8, 'uid', where),
    gid: parseNumber(block, 116, 8, 'gid', where),
    sizeBytes: parseNumber(block, 124, 12, 'size', where),
    mtime: Math.max(0, parseNumber(block, 136, 12, 'mtime', where, true)),
    major: hasDevice ? parseNumber(block, 329, 8, 'device number', where) : 0,
    minor: hasDevice ? parseNumber(block, 337, 8, 'device number', where) : 0,
  };
}

/** Octal text, or GNU's big-endian binary where the first bit is set. */
function parseNumber(
  block: Uint8Array,
  offset: number,
  length: number,
  field: string,
  where: string,
  mayBeNegative = false,
): number {
  const first = block[offset] ?? 0;
  if (first >= 0x80) {
    const isNegative = (first & 0x40) !== 0;
    if (isNegative && mayBeNegative) return -1;
    let value = BigInt(first & 0x3f);
    for (let index = 1; index < length; index++) value = (value << 8n) | BigInt(block[offset + index] ?? 0);
    if (isNegative || value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw tarError(where, `a header's ${field} is out of range`);
    }
    return Number(value);
  }
  // Blanks before, blanks and NULs behind. There are ten numbers in each header: no texts are made of them.
  let at = offset;
  let end = offset + length;
  while (at < end && block[at] === 0x20) at++;
  while (end > at && (block[end - 1] === 0x20 || block[end - 1] === 0)) end--;
  let value = 0;
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) throw tarError(where, `a header's ${field} is not an octal number`);
    value = value * 8 + digit;
  }
  return value;
}

/** Decodes UTF-8 strictly; other encodings and NUL are refused with TAR_UNSUPPORTED or TAR_MALFORMED. */
export function decodeText(bytes: Uint8Array, where: string): string {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    const shown = latin1(bytes.subarray(0, 80)).replace(/[^\x20-\x7e]/g, '?');
    throw tarError(where, `the name "${shown}" is not UTF-8`, 'TAR_UNSUPPORTED');
  }
  if (text.includes('\0')) throw tarError(where, 'a name holds a NUL byte');
  return text;
}

/** Records of a PAX extended header; values are bytes because extended attributes are. */
export function parsePax(data: Uint8Array, where: string): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(0x20, at);
    const digits = space < 0 || space - at > 10 ? '' : latin1(data.subarray(at, space));
    const length = /^[1-9][0-9]*$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    const equals = data.indexOf(0x3d, space);
    if (length === 0 || end > data.length || data[end - 1] !== 0x0a || equals < 0 || equals >= end) {
      throw tarError(where, 'a PAX record is malformed');
    }
    records.set(decodeText(data.subarray(space + 1, equals), where), data.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}

/** The bytes of one PAX record, `LENGTH KEY=VALUE\n` where LENGTH counts itself. */
export function formatPaxRecord(key: string, value: Uint8Array): Uint8Array {
  const rest = Buffer.byteLength(key) + value.length + 3;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')]);
}

/** One header block; numbers must fit their fields (larger ones travel in PAX records). */
export function formatHeader(header: RawHeader): Uint8Array {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.set(header.name.subarray(0, 100), 0);
  writeOctal(block, header.mode, 100, 8);
  writeOctal(block, header.uid, 108, 8);
  writeOctal(block, header.gid, 116, 8);
  writeOctal(block, header.sizeBytes, 124, 12);
  writeOctal(block, header.mtime, 136, 12);
  block.fill(0x20, 148, 156);
  block.write(header.type, 156, 'latin1');
  block.set(header.linkName.subarray(0, 100), 157);
  block.write('ustar\x0000', 257, 'latin1');
  writeOctal(block, header.major, 329, 8);
  writeOctal(block, header.minor, 337, 8);
  let sum = 0;
  for (let index = 0; index < BLOCK_BYTES; index++) sum += block[index] ?? 0;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function writeOctal(block: Buffer, value: number, offset: number, length: number): void {
  block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1');
}

function untilNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
