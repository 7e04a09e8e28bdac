import t from 'tap';
import type { Entry } from '../../../../src/shared/archive/entry.ts';
import { type TarReadOptions, readTar, writeTar } from '../../../../src/shared/archive/tar.ts';
import { type RawHeader, formatHeader, formatPaxRecord } from '../../../../src/shared/archive/tar-header.ts';

const CAPABILITY = Uint8Array.from([1, 0, 0, 2, 0x80, 0xff, 0, 0x0a, 0x3d]);
const LONG = `${'folder/'.repeat(40)}file`;
const base = { mode: 0o644, uid: 0, gid: 0, mtime: 1_700_000_000 };

const ENTRIES: readonly Entry[] = [
  { kind: 'directory', path: '', ...base, mode: 0o755 },
  { kind: 'directory', path: 'etc', ...base, mode: 0o1777 },
  { kind: 'file', path: 'etc/a', ...base, content: { kind: 'bytes', bytes: Buffer.from('hello') } },
  { kind: 'file', path: 'etc/empty', ...base, content: { kind: 'bytes', bytes: Buffer.alloc(0) } },
  { kind: 'file', path: 'etc/block', ...base, content: { kind: 'bytes', bytes: Buffer.alloc(512, 1) } },
  { kind: 'file', path: LONG, ...base, content: { kind: 'bytes', bytes: Buffer.alloc(513, 2) } },
  { kind: 'symlink', path: 'etc/ünï.txt', ...base, mode: 0o777, target: '../../../out/side' },
  { kind: 'symlink', path: 'long-target', ...base, mode: 0o777, target: `/${LONG}` },
  { kind: 'hardlink', path: 'etc/b', ...base, target: 'etc/a' },
  { kind: 'char-device', path: 'dev/null', ...base, major: 1, minor: 3 },
  { kind: 'block-device', path: 'dev/vda', ...base, major: 254, minor: 0 },
  { kind: 'fifo', path: 'run/pipe', ...base },
  {
    kind: 'file',
    path: 'big-ids',
    ...base,
    mode: 0o4755,
    uid: 3_000_000,
    gid: 4_294_967_295,
    content: { kind: 'bytes', bytes: Buffer.from('x') },
  },
  {
    kind: 'file',
    path: 'ping',
    ...base,
    xattrs: new Map([
      ['security.capability', CAPABILITY],
      ['user.empty', new Uint8Array()],
    ]),
    content: { kind: 'bytes', bytes: Buffer.from('p') },
  },
];

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function pack(entries: readonly Entry[]): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(writeTar(entries)));
}

function read(bytes: Uint8Array, options: Partial<TarReadOptions> = {}, piece = 1000): Promise<Entry[]> {
  return Array.fromAsync(readTar(inPieces(bytes, piece), { name: 'x.tar', ...options }));
}

/** One header as a hostile writer may make it, with content and padding. */
function raw(header: Partial<RawHeader> & { path?: string; link?: string }, content = ''): Buffer {
  const block = formatHeader({
    name: Buffer.from(header.path ?? 'a'),
    linkName: Buffer.from(header.link ?? ''),
    type: '0',
    ...base,
    sizeBytes: content.length,
    major: 0,
    minor: 0,
    ...header,
  });
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([block, Buffer.from(content, 'latin1'), padding]);
}

function archive(...parts: Buffer[]): Buffer {
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

const pax = (key: string, value: string | Uint8Array): Buffer =>
  raw({ type: 'x' }, Buffer.from(formatPaxRecord(key, Buffer.from(value))).toString('latin1'));

t.test('what is written is read again, in pieces of any size', async t => {
  const bytes = await pack(ENTRIES);
  for (const piece of [1, 511, 512, 100_000]) {
    const entries = await read(bytes, {}, piece);
    t.equal(entries.length, ENTRIES.length);
    for (const [index, entry] of entries.entries())
      t.same(entry, ENTRIES[index], `${entry.path} by ${piece}`);
  }
});

t.test('extended attributes keep their bytes', async t => {
  const entry = (await read(await pack(ENTRIES))).find(one => one.path === 'ping');
  t.strictSame([...(entry?.xattrs?.get('security.capability') ?? [])], [...CAPABILITY]);
  t.equal(entry?.xattrs?.get('user.empty')?.length, 0);
  const held = entry?.xattrs?.get('security.capability')?.buffer.byteLength;
  t.equal(held, CAPABILITY.length, 'and keep nothing of what they were read with');
});

t.test('equal entries give equal bytes', async t => {
  t.ok((await pack(ENTRIES)).equals(await pack(ENTRIES)));
});

t.test('contents as slices of the file itself', async t => {
  const bytes = await pack(ENTRIES);
  const access = {
    sizeBytes: bytes.length,
    readAt: (offset: number, length: number) => Promise.resolve(bytes.subarray(offset, offset + length)),
    close: () => Promise.resolve(),
  };
  const options: TarReadOptions = { name: 'x.tar', contents: { file: '/store/x.tar' } };
  const byAccess = await Array.fromAsync(readTar(access, options));
  t.strictSame(byAccess, await read(bytes, options), 'the same by stream and by access');
  for (const [index, entry] of byAccess.entries()) {
    const expected = ENTRIES[index];
    if (entry.kind !== 'file' || expected?.kind !== 'file' || expected.content.kind !== 'bytes') continue;
    if (entry.content.kind !== 'slice') throw new Error('a slice');
    const { offset, size } = entry.content;
    t.same(bytes.subarray(offset, offset + size), expected.content.bytes, entry.path);
  }
});

t.test('headers and padding are handed out for those who keep them', async t => {
  const bytes = await pack(ENTRIES);
  let rawBytes = 0;
  const entries = await read(bytes, { onRaw: piece => (rawBytes += piece.length) });
  const contents = entries.reduce(
    (sum, one) => sum + (one.kind === 'file' && one.content.kind === 'bytes' ? one.content.bytes.length : 0),
    0,
  );
  t.equal(rawBytes + contents, bytes.length - 512, 'up to the first block of zeros');
});

t.test('GNU long names and binary numbers', async t => {
  const header = raw({ type: '0', path: 'cut' }, '');
  header.fill(0, 108, 116);
  header[108] = 0x80;
  header.writeUInt32BE(4_000_000, 112);
  header.fill(0x20, 148, 156);
  const sum = header.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const [entry] = await read(archive(raw({ type: 'L' }, `${LONG}\0`), header));
  t.match(entry, { path: LONG, uid: 4_000_000 });
});

t.test('fractions of seconds are dropped and times before 1970 become 0', async t => {
  const entries = await read(archive(pax('mtime', '12.9'), raw({}), pax('mtime', '-5'), raw({})));
  t.strictSame(
    entries.map(entry => entry.mtime),
    [12, 0],
  );
});

t.test('hostile and damaged archives', async t => {
  const sound = raw({}, 'content');
  const cases: readonly {
    desc: string;
    bytes: Buffer;
    code: string;
    fault: string;
    limits?: TarReadOptions['limits'];
  }[] = [
    {
      desc: 'absolute path',
      bytes: archive(raw({ path: '/etc/passwd' })),
      code: 'TAR_PATH_UNSAFE',
      fault: 'the path "/etc/passwd" is absolute',
    },
    {
      desc: 'parent folder',
      bytes: archive(raw({ path: 'a/../../b' })),
      code: 'TAR_PATH_UNSAFE',
      fault: 'the path "a/../../b" holds ".."',
    },
    {
      desc: 'parent folder in a PAX record',
      bytes: archive(pax('path', '../b'), raw({})),
      code: 'TAR_PATH_UNSAFE',
      fault: 'the path "../b" holds ".."',
    },
    {
      desc: 'parent folder in a long name',
      bytes: archive(raw({ type: 'L' }, '../b\0'), raw({})),
      code: 'TAR_PATH_UNSAFE',
      fault: 'the path "../b" holds ".."',
    },
    {
      desc: 'hard link out of the archive',
      bytes: archive(raw({ type: '1', link: '../../etc/passwd' })),
      code: 'TAR_PATH_UNSAFE',
      fault: 'the path "../../etc/passwd" holds ".."',
    },
    {
      desc: 'absolute hard link',
      bytes: archive(raw({ type: '1', link: '/etc/passwd' })),
      code: 'TAR_PATH_UNSAFE',
      fault: 'the path "/etc/passwd" is absolute',
    },
    {
      desc: 'root as a file',
      bytes: archive(raw({ path: './.' })),
      code: 'TAR_PATH_UNSAFE',
      fault: 'the root is not a folder',
    },
    {
      desc: 'NUL in a name',
      bytes: archive(pax('path', 'a\0b'), raw({})),
      code: 'TAR_MALFORMED',
      fault: 'a name holds a NUL byte',
    },
    {
      desc: 'name too long',
      bytes: archive(pax('path', 'n'.repeat(256)), raw({})),
      code: 'TAR_PATH_UNSAFE',
      fault: `the path "${'n'.repeat(200)}" is too long`,
    },
    {
      desc: 'name that is not UTF-8',
      bytes: archive(pax('path', Uint8Array.from([0x61, 0xfc])), raw({})),
      code: 'TAR_UNSUPPORTED',
      fault: 'the name "a?" is not UTF-8',
    },
    {
      desc: 'sparse file',
      bytes: archive(raw({ type: 'S' })),
      code: 'TAR_UNSUPPORTED',
      fault: 'a: sparse files are not read',
    },
    {
      desc: 'sparse file by PAX',
      bytes: archive(pax('GNU.sparse.major', '1'), raw({})),
      code: 'TAR_UNSUPPORTED',
      fault: 'sparse files are not read',
    },
    {
      desc: 'access control list',
      bytes: archive(pax('SCHILY.acl.access', 'u'), raw({})),
      code: 'TAR_UNSUPPORTED',
      fault: 'ACL records are not read',
    },
    {
      desc: 'unknown type',
      bytes: archive(raw({ type: 'V' })),
      code: 'TAR_UNSUPPORTED',
      fault: 'a: entries of type "V" are not read',
    },
    {
      desc: 'global header that changes paths',
      bytes: archive(raw({ type: 'g' }, '9 path=b\n'), raw({})),
      code: 'TAR_UNSUPPORTED',
      fault: 'a global PAX header sets "path"',
    },
    {
      desc: 'wrong checksum',
      bytes: archive(Buffer.from(sound).fill('b', 0, 1)),
      code: 'TAR_MALFORMED',
      fault: 'a header has a wrong checksum',
    },
    {
      desc: 'PAX record with a wrong length',
      bytes: archive(raw({ type: 'x' }, '99 path=b\n'), raw({})),
      code: 'TAR_MALFORMED',
      fault: 'a PAX record is malformed',
    },
    {
      desc: 'link with content',
      bytes: archive(raw({ type: '2', link: 'b', sizeBytes: 512 })),
      code: 'TAR_MALFORMED',
      fault: 'a must not have content',
    },
    {
      desc: 'link to nothing',
      bytes: archive(raw({ type: '2' })),
      code: 'TAR_MALFORMED',
      fault: "a: the link's target is empty or too long",
    },
    {
      desc: 'negative size',
      bytes: archive(pax('size', '-1'), raw({})),
      code: 'TAR_MALFORMED',
      fault: 'a: size is out of range',
    },
    {
      desc: 'data behind the end',
      bytes: Buffer.concat([archive(sound), sound]),
      code: 'TAR_MALFORMED',
      fault: 'there is data behind the end of the archive',
    },
    {
      desc: 'cut in the content',
      bytes: sound.subarray(0, 515),
      code: 'TAR_TRUNCATED',
      fault: 'it ends too early',
    },
    {
      desc: 'cut in a header',
      bytes: sound.subarray(0, 300),
      code: 'TAR_TRUNCATED',
      fault: 'it ends too early',
    },
    {
      desc: 'cut behind an extended header',
      bytes: pax('path', 'b'),
      code: 'TAR_TRUNCATED',
      fault: 'an extended header is followed by no entry',
    },
    {
      desc: 'a size that is not there',
      bytes: raw({ sizeBytes: 2 ** 32 }),
      code: 'TAR_TRUNCATED',
      fault: 'it ends too early',
    },
    {
      desc: 'too many entries',
      bytes: archive(sound, sound),
      code: 'TAR_TOO_LARGE',
      fault: 'the number of entries is over the limit',
      limits: { maxEntries: 1 },
    },
    {
      desc: 'too large a file',
      bytes: archive(sound),
      code: 'TAR_TOO_LARGE',
      fault: 'a is over the limit',
      limits: { maxFileBytes: 6 },
    },
    {
      desc: 'too much in all',
      bytes: archive(sound, sound),
      code: 'TAR_TOO_LARGE',
      fault: 'the sum of its files is over the limit',
      limits: { maxTotalBytes: 13 },
    },
    {
      desc: 'too large a header',
      bytes: archive(pax('path', 'b'.repeat(2000)), raw({})),
      code: 'TAR_TOO_LARGE',
      fault: 'an extended header is over the limit',
      limits: { maxHeaderBytes: 1000 },
    },
    {
      desc: 'extended headers without end, as entries are counted without them',
      bytes: archive(...Array.from({ length: 2100 }, () => pax('comment', '')), raw({})),
      code: 'TAR_TOO_LARGE',
      fault: 'an extended header is over the limit',
    },
    {
      desc: 'global headers without end',
      bytes: archive(...Array.from({ length: 2100 }, () => raw({ type: 'g' })), raw({})),
      code: 'TAR_TOO_LARGE',
      fault: 'an extended header is over the limit',
    },
  ];
  for (const { desc, bytes, code, fault, limits } of cases) {
    await t.rejects(
      read(bytes, limits ? { limits } : {}),
      { code, message: `reading x.tar: ${fault}` },
      desc,
    );
  }
});
