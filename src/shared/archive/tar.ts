import { invariant } from '../errors.ts';
import { ContentReader } from '../fs/content-reader.ts';
import { type Content, type Entry, type FileEntry, contentSize } from './entry.ts';
import { type ByteSource, type RandomAccess, openBytes } from './byte-source.ts';
import {
  BLOCK_BYTES,
  type RawHeader,
  decodeText,
  formatHeader,
  formatPaxRecord,
  isZeroBlock,
  parseHeader,
  parsePax,
  tarError,
} from './tar-header.ts';

/** Bounds on what an archive from outside may make us hold. */
export interface TarLimits {
  readonly maxEntries: number;
  /** Sum of all files' sizes. */
  readonly maxTotalBytes: number;
  readonly maxFileBytes: number;
  /** Extended headers (PAX, GNU long name) of one entry together, extended attributes included. */
  readonly maxHeaderBytes: number;
}

export const DEFAULT_TAR_LIMITS: TarLimits = {
  maxEntries: 1_000_000,
  maxTotalBytes: 32 * 1024 ** 3,
  maxFileBytes: 8 * 1024 ** 3,
  maxHeaderBytes: 1024 ** 2,
};

export interface TarReadOptions {
  /** What is read, for error messages: `layer sha256:…`, `openssh-server_1.deb`. */
  readonly name: string;
  /**
   * `bytes` (the default) delivers each file's content in memory. `{ file }` makes contents slices of
   * that file, whose bytes must be the same as the source's (it may be in the writing while this reads).
   */
  readonly contents?: 'bytes' | { readonly file: string };
  readonly limits?: Partial<TarLimits>;
  /** Absolute paths are refused unless they are to be taken as relative ones, as tar(1) does. */
  readonly absolute?: 'relative';
  /**
   * Gets every byte that is not file content, in order: headers, padding, and the first block of zeros (what
   * tar-split keeps). Up to the end of the source only zeros follow.
   */
  readonly onRaw?: (bytes: Uint8Array) => void;
}

/** What extended headers said about the next entry. */
interface Pending {
  path?: Uint8Array;
  linkPath?: Uint8Array;
  pax?: Map<string, Uint8Array>;
}

/** A streamed content comes in pieces of at most this size. */
const STREAM_BYTES = 256 * 1024;
const MAX_PATH_BYTES = 4096;
const MAX_NAME_BYTES = 255;
const MAX_ID = 0xffff_ffff;
const MAX_OCTAL_7 = 0o7777777;
const MAX_OCTAL_11 = 0o77777777777;

/**
 * Reads a tar archive (ustar, GNU long names, PAX with binary `SCHILY.xattr.*` values) entry by entry.
 *
 * A stream is read to its end. With random access contents are passed over and never read, unless
 * `contents` asks for bytes. Archives are hostile: absolute paths and `..` are refused
 * (TAR_PATH_UNSAFE), as are sparse files and unknown types (TAR_UNSUPPORTED), damage and data behind
 * the end (TAR_MALFORMED), an early end (TAR_TRUNCATED) and anything over a limit (TAR_TOO_LARGE).
 * Targets of symbolic links are delivered as stored; those of hard links are paths like any other.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array> | RandomAccess,
  options: TarReadOptions,
): AsyncGenerator<Entry> {
  for await (const { entry, bytes, finish } of walkTar(source, options)) {
    if (entry.kind !== 'file') {
      yield withoutSize(entry);
      continue;
    }
    const { sizeBytes, ...file } = entry;
    let content: Content;
    if (typeof options.contents === 'object') {
      content = { kind: 'slice', file: options.contents.file, offset: bytes.position, size: sizeBytes };
      await bytes.skip(sizeBytes);
    } else {
      content = { kind: 'bytes', bytes: await bytes.read(sizeBytes) };
    }
    await finish();
    yield { ...file, content };
  }
}

/** An entry whose content, if it is a file, is read as it arrives. */
export type StreamedEntry =
  | { readonly entry: Exclude<Entry, FileEntry>; readonly content?: undefined }
  | { readonly entry: Omit<FileEntry, 'content'>; readonly content: AsyncIterable<Uint8Array> };

/**
 * Reads a tar archive of any size without holding a file of it. A content has to be read before the next
 * entry is asked for; what is not read of it is passed over. Throws as readTar does.
 */
export async function* streamTar(
  source: AsyncIterable<Uint8Array>,
  options: Omit<TarReadOptions, 'contents'>,
): AsyncGenerator<StreamedEntry> {
  for await (const { entry, bytes, finish } of walkTar(source, options)) {
    if (entry.kind !== 'file') {
      yield { entry: withoutSize(entry) };
      continue;
    }
    const { sizeBytes, ...file } = entry;
    const end = bytes.position + sizeBytes;
    yield { entry: file, content: contentUntil(bytes, end) };
    await bytes.skip(end - bytes.position);
    await finish();
  }
}

async function* contentUntil(bytes: ByteSource, end: number): AsyncGenerator<Uint8Array> {
  while (bytes.position < end) yield await bytes.read(Math.min(STREAM_BYTES, end - bytes.position));
}

/** Entries, with the source at the place where a file's content begins; it has to be passed, then `finish` called. */
async function* walkTar(
  source: AsyncIterable<Uint8Array> | RandomAccess,
  options: TarReadOptions,
): AsyncGenerator<{
  readonly entry: SizedEntry;
  readonly bytes: ByteSource;
  readonly finish: () => Promise<void>;
}> {
  const limits = { ...DEFAULT_TAR_LIMITS, ...options.limits };
  const bytes = openBytes(source, cut => tarError(options.name, cut, 'TAR_TRUNCATED'));
  const raw = async (size: number): Promise<Uint8Array> => {
    const data = await bytes.read(size);
    options.onRaw?.(data);
    return data;
  };
  try {
    let pending: Pending = {};
    let entries = 0;
    let totalBytes = 0;
    let extendedBytes = 0;
    while (!(await bytes.atEnd())) {
      const block = await raw(BLOCK_BYTES);
      if (isZeroBlock(block)) {
        await readTrailer(bytes, options.name);
        break;
      }
      const header = parseHeader(block, options.name);
      if ('xgLK'.includes(header.type)) {
        extendedBytes += BLOCK_BYTES + header.sizeBytes;
        if (extendedBytes > limits.maxHeaderBytes) throw tooLarge(options.name, 'an extended header');
        const data = await raw(header.sizeBytes);
        await raw(paddingOf(header.sizeBytes));
        readExtended(header, data, pending, options.name);
        continue;
      }
      if (++entries > limits.maxEntries) throw tooLarge(options.name, 'the number of entries');
      const entry = makeEntry(header, pending, options);
      pending = {};
      extendedBytes = 0;
      const { sizeBytes } = entry;
      if (entry.kind !== 'file' && sizeBytes !== 0) {
        throw tarError(options.name, `${entry.path} must not have content`);
      }
      totalBytes += sizeBytes;
      if (sizeBytes > limits.maxFileBytes) throw tooLarge(options.name, entry.path);
      if (totalBytes > limits.maxTotalBytes) throw tooLarge(options.name, 'the sum of its files');
      const end = bytes.position + sizeBytes;
      const finish = async (): Promise<void> => {
        invariant(bytes.position === end, `the content of ${entry.path} has been passed`);
        await raw(paddingOf(sizeBytes));
      };
      yield { entry, bytes, finish };
    }
    if (pending.path || pending.linkPath || pending.pax) {
      throw tarError(options.name, 'an extended header is followed by no entry', 'TAR_TRUNCATED');
    }
  } finally {
    await bytes.close();
  }
}

/** After the first zero block only zeros may follow; anything else would be read differently by others. */
async function readTrailer(bytes: ByteSource, where: string): Promise<void> {
  for (;;) {
    const piece = await bytes.readSome();
    if (piece.length === 0) return;
    if (!isZeroBlock(piece)) throw tarError(where, 'there is data behind the end of the archive');
  }
}

function readExtended(header: RawHeader, data: Uint8Array, pending: Pending, where: string): void {
  if (header.type === 'L') pending.path = withoutNul(data);
  else if (header.type === 'K') pending.linkPath = withoutNul(data);
  else {
    const records = parsePax(data, where);
    if (header.type === 'g') {
      const other = [...records.keys()].find(key => key !== 'comment');
      if (other !== undefined) {
        throw tarError(where, `a global PAX header sets "${other}"`, 'TAR_UNSUPPORTED');
      }
    } else pending.pax = records;
  }
}

/** An entry without content, but with the size its content has. */
type Sized<E> = E extends Entry ? Omit<E, 'content'> & { readonly sizeBytes: number } : never;
type SizedEntry = Sized<Entry>;

/** The entry itself; file contents are added by the caller. */
function withoutSize(entry: Exclude<SizedEntry, { kind: 'file' }>): Exclude<Entry, FileEntry> {
  const { sizeBytes, ...plain } = entry;
  invariant(sizeBytes === 0, `${entry.path} has no content`);
  return plain;
}

function makeEntry(header: RawHeader, pending: Pending, options: TarReadOptions): SizedEntry {
  const where = options.name;
  const pax = pending.pax;
  for (const key of pax?.keys() ?? []) {
    if (key.startsWith('GNU.sparse.')) throw tarError(where, 'sparse files are not read', 'TAR_UNSUPPORTED');
    if (key.startsWith('SCHILY.acl.')) throw tarError(where, 'ACL records are not read', 'TAR_UNSUPPORTED');
  }
  const safe = (text: string): string =>
    safePath(options.absolute === 'relative' ? text.replace(/^\/+/, '') : text, where);
  const rawPath = decodeText(pax?.get('path') ?? pending.path ?? header.name, where);
  const path = safe(rawPath);
  const number = (key: string, fallback: number, maximum: number): number => {
    const text = pax?.get(key);
    const value =
      text === undefined ? fallback : Number(/^-?\d+(\.\d*)?$/.exec(Buffer.from(text).toString())?.[0]);
    if (!(value <= maximum) || (value < 0 && key !== 'mtime')) {
      throw tarError(where, `${path}: ${key} is out of range`);
    }
    return Math.max(0, Math.floor(value));
  };
  const xattrs = readXattrs(pax);
  const base = {
    path,
    mode: header.mode,
    uid: number('uid', header.uid, MAX_ID),
    gid: number('gid', header.gid, MAX_ID),
    mtime: number('mtime', header.mtime, Number.MAX_SAFE_INTEGER),
    sizeBytes: number('size', header.sizeBytes, Number.MAX_SAFE_INTEGER),
    ...(xattrs.size > 0 ? { xattrs } : {}),
  };
  const target = (): string => {
    const text = decodeText(pax?.get('linkpath') ?? pending.linkPath ?? header.linkName, where);
    if (text === '' || Buffer.byteLength(text) > MAX_PATH_BYTES) {
      throw tarError(where, `${path}: the link's target is empty or too long`);
    }
    return text;
  };
  const kind = kindOf(header.type, rawPath, where, path);
  if (path === '' && kind !== 'directory')
    throw tarError(where, 'the root is not a folder', 'TAR_PATH_UNSAFE');
  switch (kind) {
    case 'symlink':
      return { kind, ...base, target: target() };
    case 'hardlink':
      return { kind, ...base, target: safe(target()) };
    case 'char-device':
    case 'block-device':
      return { kind, ...base, major: header.major, minor: header.minor };
    default:
      return { kind, ...base };
  }
}

function kindOf(type: string, rawPath: string, where: string, path: string): Entry['kind'] {
  switch (type) {
    case '0':
    case '7':
      // Archives older than ustar mark a folder by the slash alone.
      return rawPath.endsWith('/') ? 'directory' : 'file';
    case '1':
      return 'hardlink';
    case '2':
      return 'symlink';
    case '3':
      return 'char-device';
    case '4':
      return 'block-device';
    case '5':
      return 'directory';
    case '6':
      return 'fifo';
    case 'S':
      throw tarError(where, `${path}: sparse files are not read`, 'TAR_UNSUPPORTED');
    default:
      throw tarError(
        where,
        `${path}: entries of type ${JSON.stringify(type)} are not read`,
        'TAR_UNSUPPORTED',
      );
  }
}

function readXattrs(pax: ReadonlyMap<string, Uint8Array> | undefined): Map<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (const [key, value] of pax ?? []) {
    // A copy: a part of what was read would keep all of it in memory, and `slice` of a Buffer makes no copy.
    if (key.startsWith('SCHILY.xattr.')) xattrs.set(key.slice('SCHILY.xattr.'.length), new Uint8Array(value));
  }
  return xattrs;
}

/** A path relative to the root, or TAR_PATH_UNSAFE. */
function safePath(text: string, where: string): string {
  const shown = JSON.stringify(text.slice(0, 200));
  if (text.startsWith('/')) throw tarError(where, `the path ${shown} is absolute`, 'TAR_PATH_UNSAFE');
  const parts = text.split('/').filter(part => part !== '' && part !== '.');
  if (parts.includes('..')) throw tarError(where, `the path ${shown} holds ".."`, 'TAR_PATH_UNSAFE');
  const isLong = parts.some(part => part.length > 80 && Buffer.byteLength(part) > MAX_NAME_BYTES);
  if (isLong || Buffer.byteLength(text) > MAX_PATH_BYTES) {
    throw tarError(where, `the path ${shown} is too long`, 'TAR_PATH_UNSAFE');
  }
  return parts.join('/');
}

function withoutNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

function tooLarge(where: string, what: string): Error {
  return tarError(where, `${what} is over the limit`, 'TAR_TOO_LARGE');
}

function paddingOf(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** Pieces handed on are about this large: headers and small files are gathered. */
const GATHER_BYTES = 256 * 1024;

/**
 * A tar archive of the entries in the order given, with the end marker, in pieces of about 256 KiB.
 * Equal entries give equal bytes: ustar headers with empty owner names; PAX records, sorted, only for
 * what does not fit (long or non-ASCII paths, large numbers, extended attributes). The root is written
 * as `./`, folders end in `/`. Throws what ContentReader throws.
 */
export async function* writeTar(entries: Iterable<Entry> | AsyncIterable<Entry>): AsyncGenerator<Uint8Array> {
  using reader = new ContentReader();
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  const add = (bytes: Uint8Array): void => {
    gathered.push(bytes);
    gatheredBytes += bytes.length;
  };
  const take = (): Uint8Array => {
    const whole = Buffer.concat(gathered, gatheredBytes);
    gathered = [];
    gatheredBytes = 0;
    return whole;
  };
  for await (const entry of entries) {
    add(formatEntry(entry));
    if (entry.kind === 'file') {
      for await (const piece of reader.read(entry.content)) {
        add(piece);
        if (gatheredBytes >= GATHER_BYTES) yield take();
      }
      add(Buffer.alloc(paddingOf(contentSize(entry.content))));
    }
    if (gatheredBytes >= GATHER_BYTES) yield take();
  }
  add(Buffer.alloc(2 * BLOCK_BYTES));
  yield take();
}

/** The header blocks of one entry: PAX records where needed, then the ustar header. */
export function formatEntry(entry: Entry): Uint8Array {
  const path = entry.path === '' ? './' : entry.kind === 'directory' ? `${entry.path}/` : entry.path;
  const target = entry.kind === 'symlink' || entry.kind === 'hardlink' ? entry.target : '';
  const sizeBytes = entry.kind === 'file' ? contentSize(entry.content) : 0;
  const pax = new Map<string, Uint8Array>();
  const text = (key: string, value: string): string => {
    if (Buffer.byteLength(value) <= 100 && /^[\x20-\x7e]*$/.test(value)) return value;
    pax.set(key, Buffer.from(value));
    return value.replace(/[^\x20-\x7e]/g, '_').slice(0, 100);
  };
  const number = (key: string, value: number, maximum: number): number => {
    if (value <= maximum) return value;
    pax.set(key, Buffer.from(String(value)));
    return 0;
  };
  const isDevice = entry.kind === 'char-device' || entry.kind === 'block-device';
  const header: RawHeader = {
    name: Buffer.from(text('path', path)),
    linkName: Buffer.from(text('linkpath', target)),
    type: TYPES[entry.kind],
    mode: entry.mode,
    uid: number('uid', entry.uid, MAX_OCTAL_7),
    gid: number('gid', entry.gid, MAX_OCTAL_7),
    sizeBytes: number('size', sizeBytes, MAX_OCTAL_11),
    mtime: number('mtime', entry.mtime, MAX_OCTAL_11),
    major: isDevice ? entry.major : 0,
    minor: isDevice ? entry.minor : 0,
  };
  for (const [key, value] of entry.xattrs ?? []) pax.set(`SCHILY.xattr.${key}`, value);
  if (pax.size === 0) return formatHeader(header);
  const records = Buffer.concat(
    [...pax].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => formatPaxRecord(key, value)),
  );
  const paxHeader = formatHeader({
    ...header,
    name: Buffer.from('PaxHeaders'),
    linkName: new Uint8Array(),
    type: 'x',
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: records.length,
    major: 0,
    minor: 0,
  });
  return Buffer.concat([paxHeader, records, Buffer.alloc(paddingOf(records.length)), formatHeader(header)]);
}

const TYPES: Readonly<Record<Entry['kind'], string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'char-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
};
