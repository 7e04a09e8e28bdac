import { writeFile } from 'node:fs/promises';
import t from 'tap';
import type { LockedPackage } from '../../../../src/build/lock/lock.ts';
import { type Store, openStore } from '../../../../src/build/store/store.ts';
import { readDeb, unpackDebs } from '../../../../src/build/unpack/deb.ts';
import { ContentReader } from '../../../../src/shared/fs/content-reader.ts';
import { type TestDeb, type TestDebOptions, file, makeDeb } from '../../../support/deb.ts';

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Puts bytes into the store as the package's file, whatever they are. */
async function put(store: Store, deb: TestDeb): Promise<LockedPackage> {
  const blob = await store.blobs.write(once(deb.bytes), { name: deb.package.name });
  return { ...deb.package, sha256: blob.digest.slice('sha256:'.length) };
}

t.test('a package in each compression', async t => {
  await using store = await openStore(t.testdir());
  for (const compression of ['none', 'gzip', 'xz'] as const) {
    const pkg = await put(
      store,
      await makeDeb('hello', {
        compression,
        fields: ['Depends: libc6 (>= 2.41)', 'Description: says hello', ' and more'],
        entries: [
          { kind: 'directory', path: '', mode: 0o755, uid: 0, gid: 0, mtime: 1 },
          file('usr/bin/hello', 'x'.repeat(300_000), 0o755),
          {
            kind: 'hardlink',
            path: 'usr/bin/hi',
            target: 'usr/bin/hello',
            mode: 0o755,
            uid: 0,
            gid: 0,
            mtime: 1,
          },
          {
            kind: 'symlink',
            path: 'usr/bin/evil',
            target: '../../../../etc/passwd',
            mode: 0o777,
            uid: 0,
            gid: 0,
            mtime: 1,
          },
        ],
        control: new Map([
          ['postinst', '#!/bin/sh\n'],
          ['md5sums', ''],
          ['conffiles', '/etc/hello.conf\nremove-on-upgrade /etc/old.conf\n'],
        ]),
      }),
    );
    const deb = await readDeb(store, pkg);
    t.equal(deb.control.get('description'), 'says hello\nand more', compression);
    t.strictSame(deb.scripts, ['postinst']);
    t.strictSame(deb.conffiles, ['etc/hello.conf', 'etc/old.conf']);
    t.strictSame(
      deb.entries.map(entry => entry.path),
      ['', 'usr/bin/hello', 'usr/bin/hi', 'usr/bin/evil'],
    );
    const hello = deb.entries[1];
    using reader = new ContentReader();
    if (hello?.kind !== 'file' || hello.content.kind !== 'slice') throw new Error('a slice');
    t.equal(Buffer.from(reader.readAll(hello.content)).toString(), 'x'.repeat(300_000));
    await unpackDebs(store, [pkg]);
  }
});

t.test('many packages side by side', async t => {
  await using store = await openStore(t.testdir());
  const packages = await Promise.all(
    ['aa', 'bb', 'cc', 'dd', 'ee'].map(async name => put(store, await makeDeb(name))),
  );
  await unpackDebs(store, packages, { threads: 2 });
  for (const pkg of packages)
    t.match((await readDeb(store, pkg)).entries, [{ path: `usr/share/${pkg.name}` }]);
});

t.test('what the store does not have', async t => {
  await using store = await openStore(t.testdir());
  const { package: pkg } = await makeDeb('hello');
  const expected = { code: 'BLOB_MISSING', message: 'reading hello_1.0_amd64.deb: it is not in the store' };
  await t.rejects(readDeb(store, pkg), expected);
  await t.rejects(unpackDebs(store, [pkg]), expected);
});

t.test('interrupted', async t => {
  await using store = await openStore(t.testdir());
  const pkg = await put(store, await makeDeb('hello'));
  await t.rejects(unpackDebs(store, [pkg], { signal: AbortSignal.abort(new Error('stop')) }), {
    message: 'stop',
  });
});

t.test('hostile packages', async t => {
  const device = { path: 'dev/sda', mode: 0o666, uid: 0, gid: 0, mtime: 1, major: 8, minor: 0 };
  const reordered: TestDebOptions['members'] = ([a, b, c]) => [a, c, b].filter(one => one !== undefined);
  const cases: readonly {
    desc: string;
    options: TestDebOptions;
    code?: string;
    fault: string;
    package?: object;
  }[] = [
    {
      desc: 'a device node',
      options: { entries: [{ kind: 'block-device', ...device }] },
      fault: 'dev/sda is a block-device, which no package may bring',
    },
    {
      desc: 'a FIFO',
      options: { entries: [{ ...device, kind: 'fifo' }] },
      fault: 'dev/sda is a fifo, which no package may bring',
    },
    {
      desc: "a hard link to another package's file",
      options: {
        entries: [{ kind: 'hardlink', path: 'a', target: 'etc/shadow', mode: 0, uid: 0, gid: 0, mtime: 0 }],
      },
      fault: 'the hard link a leads to etc/shadow, which is no earlier file',
    },
    {
      desc: 'a path out of the root',
      options: { entries: [file('../../etc/passwd')] },
      code: 'TAR_PATH_UNSAFE',
      fault: 'the path "../../etc/passwd" holds ".."',
    },
    {
      desc: 'an absolute path',
      options: { entries: [file('/etc/passwd')] },
      code: 'TAR_PATH_UNSAFE',
      fault: 'the path "/etc/passwd" is absolute',
    },
    {
      desc: 'members in another order',
      options: { members: reordered },
      fault: 'its members are not control.tar and data.tar in a compression that dpkg knows',
    },
    {
      desc: 'a second data member',
      options: { members: all => [...all, ['data.tar', Buffer.alloc(0)]] },
      fault: 'its members are not control.tar and data.tar in a compression that dpkg knows',
    },
    {
      desc: 'something in front',
      options: { members: all => [['_gpgorigin', Buffer.alloc(0)], ...all] },
      fault: 'it does not begin with "debian-binary" of format 2',
    },
    {
      desc: 'another format',
      options: { members: ([, ...more]) => [['debian-binary', Buffer.from('3.0\n')], ...more] },
      fault: 'it does not begin with "debian-binary" of format 2',
    },
    {
      desc: 'an unknown compression',
      options: {
        members: ([a, b]) =>
          [a, b, ['data.tar.lzma', Buffer.alloc(0)]].filter(one => one !== undefined) as [
            string,
            Uint8Array,
          ][],
      },
      fault: 'its members are not control.tar and data.tar in a compression that dpkg knows',
    },
    {
      desc: 'another package than the lock says',
      options: {},
      package: { version: '2.0' },
      fault: 'its control file says hello 1.0 amd64',
    },
    {
      desc: 'no control file',
      options: {
        members: ([a, , c]) =>
          [a, ['control.tar', Buffer.alloc(1024)], c].filter(one => one !== undefined) as [
            string,
            Uint8Array,
          ][],
      },
      fault: 'it has no control file',
    },
    {
      desc: 'a field that comes twice',
      options: { fields: ['Version: 2.0'] },
      code: 'CONTROL_MALFORMED',
      fault: 'line 4: the field Version comes twice',
    },
    {
      desc: 'damaged xz data',
      options: {
        members: ([a, b, c]) =>
          [a, b, ['data.tar.xz', Buffer.from(c?.[1] ?? '').fill(0x55, 30, 60)]].filter(
            one => one !== undefined,
          ) as [string, Uint8Array][],
      },
      code: 'DECOMPRESS_FAILED',
      fault: 'the compressed data is damaged (',
    },
    {
      desc: 'xz data that ends early',
      options: {
        members: ([a, b, c]) =>
          [a, b, ['data.tar.xz', (c?.[1] ?? Buffer.alloc(0)).subarray(0, 700)]].filter(
            one => one !== undefined,
          ) as [string, Uint8Array][],
      },
      code: 'DECOMPRESS_FAILED',
      fault: 'the compressed data is damaged (it ends too early)',
    },
    {
      desc: 'gzip data that ends early',
      options: {
        compression: 'gzip',
        members: ([a, b, c]) =>
          [a, b, ['data.tar.gz', (c?.[1] ?? Buffer.alloc(0)).subarray(0, 60)]].filter(
            one => one !== undefined,
          ) as [string, Uint8Array][],
      },
      code: 'DECOMPRESS_FAILED',
      fault: 'the compressed data is damaged (',
    },
    {
      desc: 'an empty xz member',
      options: {
        members: ([a, b]) =>
          [a, b, ['data.tar.xz', Buffer.alloc(0)]].filter(one => one !== undefined) as [string, Uint8Array][],
      },
      code: 'DECOMPRESS_FAILED',
      fault: 'the compressed data is damaged (',
    },
  ];
  for (const [number, { desc, options, code = 'DEB_MALFORMED', fault, package: more }] of cases.entries()) {
    await using store = await openStore(t.testdir({ [String(number)]: {} }));
    const pkg = { ...(await put(store, await makeDeb('hello', options))), ...more };
    const error = await readDeb(store, pkg).catch((reason: unknown) => reason);
    t.match(error, { code }, desc);
    t.ok(error instanceof Error && error.message.includes(fault), `${desc}: ${String(error)}`);
  }
});

t.test('an archive that is no ar archive, or is cut', async t => {
  await using store = await openStore(t.testdir());
  const deb = await makeDeb('hello');
  const cases: readonly [string, Buffer, string][] = [
    ['HTML', Buffer.from('<html>'), 'it is not an ar archive'],
    ['cut', deb.bytes.subarray(0, deb.bytes.length - 100), 'its member "data.tar.xz" is cut short'],
    [
      'negative size',
      Buffer.from(deb.bytes.toString('latin1').replace(/4 {9}`/, '-4        `'), 'latin1'),
      'a member header is malformed',
    ],
    ['cut in a header', deb.bytes.subarray(0, 100), 'a member header is malformed'],
  ];
  for (const [desc, bytes, fault] of cases) {
    const pkg = await put(store, { ...deb, bytes });
    await t.rejects(
      readDeb(store, pkg),
      { code: 'AR_MALFORMED', message: `reading hello_1.0_amd64.deb: ${fault}` },
      desc,
    );
  }
});

t.test('a size bomb stops', async t => {
  const { decompressFile } = await import('../../../../src/build/unpack/decompress.ts');
  const { gzipSync } = await import('node:zlib');
  const folder = t.testdir();
  const bomb = gzipSync(Buffer.alloc(50_000_000));
  await writeFile(`${folder}/bomb.gz`, bomb);
  const job = {
    name: 'bomb',
    input: `${folder}/bomb.gz`,
    offset: 0,
    sizeBytes: bomb.length,
    compression: 'gzip',
    output: `${folder}/out`,
    maxBytes: 1_000_000,
  } as const;
  await t.rejects(decompressFile(job), {
    code: 'DECOMPRESS_TOO_LARGE',
    message: 'unpacking bomb: it grows beyond 1000000 bytes',
  });
});

t.test('a zstd stream of several frames', async t => {
  const { decompress } = await import('../../../../src/build/unpack/decompress.ts');
  const { zstdCompressSync } = await import('node:zlib');
  const bytes = Buffer.concat(['one', ' and ', 'two'].map(text => zstdCompressSync(Buffer.from(text))));
  const read = async (source: Uint8Array): Promise<string> => {
    let text = '';
    const options = { name: 'x', maxBytes: 100 };
    for await (const piece of decompress('zstd', once(source), options))
      text += Buffer.from(piece).toString();
    return text;
  };
  t.equal(await read(bytes), 'one and two');
  await t.rejects(read(bytes.subarray(0, -1)), { code: 'DECOMPRESS_FAILED' });
});
