import type { Stats } from 'node:fs';
import { formatHeader, formatPaxRecord } from '../../../shared/archive/tar-header.ts';
import { deviceNumbers } from './copy-tree.ts';

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const MAX_OCTAL_7 = 0o7777777;
const MAX_OCTAL_11 = 0o77777777777;

/** An entry of a tar archive that is written from a file of the host. */
export interface TarNode {
  /** Any bytes; folders end in a slash. */
  readonly name: Buffer;
  readonly stat: Stats;
  /** Target of a symbolic link. */
  readonly link?: Buffer;
  /** It is written as an empty file, whatever it is. */
  readonly isEmptyFile?: boolean;
  /** Another entry whose file this is one more name of. */
  readonly hardlink?: Buffer;
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
}

/**
 * The header blocks of an entry: ustar, with PAX records for what does not fit. Names are written as the bytes that
 * they are. Undefined for sockets, which no archive can hold.
 */
export function formatTarNode(node: TarNode): Buffer | undefined {
  const { stat } = node;
  const type = node.isEmptyFile === true ? '0' : node.hardlink === undefined ? typeOf(stat) : '1';
  if (type === undefined) return undefined;
  const pax: Uint8Array[] = [];
  const bytes = (key: string, value: Buffer): Buffer => {
    if (value.length > NAME_BYTES) pax.push(formatPaxRecord(key, value));
    return value.subarray(0, NAME_BYTES);
  };
  const number = (key: string, value: number, maximum: number): number => {
    if (value <= maximum) return value;
    pax.push(formatPaxRecord(key, Buffer.from(String(value))));
    return 0;
  };
  const isDevice = type === '3' || type === '4';
  const { major, minor } = isDevice ? deviceNumbers(stat.rdev) : { major: 0, minor: 0 };
  const header = {
    name: bytes('path', node.name),
    linkName: bytes('linkpath', node.hardlink ?? node.link ?? Buffer.alloc(0)),
    type,
    mode: node.isEmptyFile === true ? 0 : stat.mode & 0o7777,
    uid: number('uid', stat.uid, MAX_OCTAL_7),
    gid: number('gid', stat.gid, MAX_OCTAL_7),
    sizeBytes: type === '0' && node.isEmptyFile !== true ? number('size', stat.size, MAX_OCTAL_11) : 0,
    mtime: number('mtime', Math.max(0, Math.floor(stat.mtimeMs / 1000)), MAX_OCTAL_11),
    major,
    minor,
  };
  for (const [key, value] of node.xattrs ?? []) pax.push(formatPaxRecord(`SCHILY.xattr.${key}`, value));
  if (pax.length === 0) return Buffer.from(formatHeader(header));
  const records = Buffer.concat(pax);
  const paxHeader = formatHeader({
    ...header,
    name: Buffer.from('PaxHeaders'),
    linkName: Buffer.alloc(0),
    type: 'x',
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: records.length,
    major: 0,
    minor: 0,
  });
  return Buffer.concat([paxHeader, records, paddingFor(records.length), formatHeader(header)]);
}

/** Zeros that fill a content up to whole blocks. */
export function paddingFor(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** What stands at the end of an archive. */
export function endOfTar(): Buffer {
  return Buffer.alloc(2 * BLOCK_BYTES);
}

function typeOf(stat: Stats): string | undefined {
  if (stat.isFile()) return '0';
  if (stat.isSymbolicLink()) return '2';
  if (stat.isCharacterDevice()) return '3';
  if (stat.isBlockDevice()) return '4';
  if (stat.isDirectory()) return '5';
  return stat.isFIFO() ? '6' : undefined;
}
