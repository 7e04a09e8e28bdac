import { mkdir, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import type { BlobExpectation } from '../../../../src/build/store/blob-folder.ts';
import { type Store, openStore, resultKey, storeRoot } from '../../../../src/build/store/store.ts';
import { digestOf } from '../../../../src/shared/digest.ts';

async function* stream(...pieces: string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece);
}

async function unfinished(store: Store): Promise<string[]> {
  const sessions = await readdir(join(store.root, 'tmp'));
  return (await Promise.all(sessions.map(name => readdir(join(store.root, 'tmp', name))))).flat();
}

t.test('where the store is', async t => {
  t.equal(storeRoot({ SLIPWAY_STORE: '/s', XDG_CACHE_HOME: '/c', HOME: '/h' }), '/s');
  t.equal(storeRoot({ XDG_CACHE_HOME: '/c', HOME: '/h' }), '/c/slipway');
  t.equal(storeRoot({ XDG_CACHE_HOME: 'relative', HOME: '/h' }), '/h/.cache/slipway');
  t.throws(() => storeRoot({}), { code: 'STORE_NO_HOME' });
});

t.test('a blob is published under its hash', async t => {
  await using store = await openStore(t.testdir());
  const digest = digestOf('hello world');
  t.equal(await store.blobs.find(digest), undefined);
  await t.rejects(store.blobs.read(digest), { code: 'BLOB_MISSING' });
  const blob = await store.blobs.write(stream('hello', ' world'), { name: 'x', digest, sizeBytes: 11 });
  t.strictSame(blob, { digest, path: store.blobs.path(digest), sizeBytes: 11 });
  t.equal(Buffer.from(await store.blobs.read(digest)).toString(), 'hello world');
  t.strictSame(await unfinished(store), []);
});

t.test("an image's blob never passes for a package", async t => {
  await using store = await openStore(t.testdir());
  const digest = digestOf('both a layer and a package');
  await store.images.write(stream('both a layer and a package'), { name: 'layer', digest });
  t.ok(await store.images.find(digest));
  t.equal(await store.blobs.find(digest), undefined);
});

t.test('a blob known by npm integrity', async t => {
  await using store = await openStore(t.testdir());
  const integrity = `sha512-${createHash('sha512').update('node').digest('base64')}`;
  t.equal(await store.blobs.findIntegrity(integrity), undefined);
  const blob = await store.blobs.write(stream('node'), { name: 'node', integrity });
  t.strictSame(await store.blobs.findIntegrity(integrity), blob);
  await t.rejects(store.blobs.write(stream('mode'), { name: 'node', integrity }), {
    code: 'BLOB_HASH_MISMATCH',
  });
  await t.rejects(store.blobs.findIntegrity('sha512-../../etc'), { code: 'INVALID_INTEGRITY' });
});

t.test('what is not as expected is not published, and nothing is left', async t => {
  await using store = await openStore(t.testdir());
  const digest = digestOf('hello');
  const controller = new AbortController();
  const cases: readonly {
    desc: string;
    source: AsyncIterable<Uint8Array>;
    expect: Partial<BlobExpectation>;
    fault: { code?: string; message: string };
  }[] = [
    {
      desc: 'too many bytes',
      source: stream('hello', '!'),
      expect: { sizeBytes: 5 },
      fault: { code: 'BLOB_SIZE_MISMATCH', message: 'receiving x: more than the 5 bytes expected' },
    },
    {
      desc: 'too few',
      source: stream('hell'),
      expect: { sizeBytes: 5 },
      fault: { code: 'BLOB_SIZE_MISMATCH', message: 'receiving x: 4 bytes instead of 5' },
    },
    {
      desc: 'other bytes',
      source: stream('jello'),
      expect: { sizeBytes: 5, digest },
      fault: {
        code: 'BLOB_HASH_MISMATCH',
        message: `receiving x: ${digestOf('jello')} instead of ${digest}`,
      },
    },
    {
      desc: 'interrupted',
      source: (async function* () {
        yield Buffer.from('he');
        controller.abort(new Error('stop'));
        yield Buffer.from('llo');
      })(),
      expect: { signal: controller.signal },
      fault: { message: 'stop' },
    },
  ];
  for (const { desc, source, expect, fault } of cases) {
    await t.rejects(store.blobs.write(source, { name: 'x', ...expect }), fault, desc);
  }
  t.strictSame(await unfinished(store), []);
  t.strictSame(await readdir(join(store.root, 'blobs', 'sha256')), []);
});

t.test('a changed blob is noticed by the next process and removed', async t => {
  const root = t.testdir();
  const digest = digestOf('hello');
  {
    await using store = await openStore(root);
    await store.blobs.write(stream('hello'), { name: 'x' });
    await writeFile(store.blobs.path(digest), 'jello');
  }
  await using store = await openStore(root);
  t.equal(await store.blobs.find(digest), undefined);
  t.strictSame(await readdir(join(root, 'blobs', 'sha256')), []);
});

t.test('a blob whose time alone was changed is sound', async t => {
  const root = t.testdir();
  const digest = digestOf('hello');
  {
    await using store = await openStore(root);
    await store.blobs.write(stream('hello'), { name: 'x' });
    await utimes(store.blobs.path(digest), 5, 5);
  }
  await using store = await openStore(root);
  t.equal(await store.blobs.find(digest), store.blobs.path(digest));
});

t.test('results are made once', async t => {
  const root = t.testdir();
  await using store = await openStore(root);
  const key = resultKey('thing', { b: 1, a: [2] });
  t.equal(key, resultKey('thing', { a: [2], b: 1 }), 'the order of keys does not matter');
  t.not(key, resultKey('thing', { a: [2], b: 2 }));
  let made = 0;
  const make = async (path: string): Promise<void> => {
    made++;
    await mkdir(path);
    await writeFile(join(path, 'file'), 'content');
  };
  const [first, second] = await Promise.all([store.result(key, make), store.result(key, make)]);
  t.equal(made, 1, 'two at the same time share one run');
  t.equal(first.path, second.path);
  t.match(await store.result(key, make), { cached: true });
  t.equal(made, 1);
  t.equal(await readFile(join(first.path, 'file'), 'utf8'), 'content');
});

t.test('a result that fails leaves nothing and can be made later', async t => {
  await using store = await openStore(t.testdir());
  const key = resultKey('thing', 1);
  const failing = store.result(key, async path => {
    await mkdir(path);
    throw new Error('no');
  });
  await t.rejects(failing, { message: 'no' });
  t.strictSame(await unfinished(store), []);
  t.equal(await store.findResult(key), undefined);
  t.match(await store.result(key, path => writeFile(path, 'x')), { cached: false });
});

t.test('two builds that make the same result', async t => {
  const root = t.testdir();
  await using one = await openStore(root);
  await using two = await openStore(root);
  for (const kind of ['folder', 'file']) {
    const key = resultKey(kind, 1);
    const make = async (path: string): Promise<void> => {
      if (kind === 'folder') await mkdir(path);
      await writeFile(kind === 'folder' ? join(path, 'x') : path, 'x');
      await two.result(key, async other => {
        if (kind === 'folder') await mkdir(other);
        await writeFile(kind === 'folder' ? join(other, 'x') : other, 'x');
      });
    };
    const { path } = await one.result(key, make);
    t.equal(path, await two.findResult(key), kind);
  }
  t.strictSame(await unfinished(one), []);
});

t.test('a changed result file is made anew', async t => {
  await using store = await openStore(t.testdir());
  const key = resultKey('thing', 1);
  const { path } = await store.result(key, out => writeFile(out, 'right'));
  await writeFile(path, 'wrong');
  t.match(await store.result(key, out => writeFile(out, 'right')), { cached: false });
  t.equal(await readFile(path, 'utf8'), 'right');
});

t.test('the store may be emptied while it is open', async t => {
  const root = t.testdir();
  await using store = await openStore(root);
  await store.blobs.write(stream('hello'), { name: 'x' });
  const result = await store.prune({ all: true });
  t.match(result, { removed: 1, inUse: 0 });
  t.equal(await store.blobs.find(digestOf('hello')), undefined);
  await store.blobs.write(stream('hello'), { name: 'x' });
  t.match(await store.usage(), { path: root, blobs: { count: 1 }, results: { count: 0 } });
});

t.test('pruning keeps what another build may be using', async t => {
  const root = t.testdir();
  await using mine = await openStore(root);
  await mine.blobs.write(stream('old'), { name: 'old' });
  await using other = await openStore(root);
  await new Promise(resolve => setImmediate(resolve));
  await other.blobs.write(stream('used'), { name: 'used' });
  await mine.prune({ all: true });
  t.strictSame(
    await readFile(other.blobs.path(digestOf('used')), 'utf8'),
    'used',
    'made after the other build began',
  );
});

t.test('pruning by age', async t => {
  await using store = await openStore(t.testdir());
  await store.blobs.write(stream('new'), { name: 'new' });
  t.match(await store.prune({ maxAgeDays: 1 }), { removed: 0 });
  t.match(await store.prune({ maxAgeDays: 0 }), { removed: 1 });
});

t.test('leftovers of a killed build are removed, those of a living one are not', async t => {
  const root = t.testdir();
  await using store = await openStore(root);
  await using living = await openStore(root);
  const mine = (await readdir(join(root, 'tmp')))[0] ?? '';
  // A process number beyond the kernel's largest: nobody has it.
  const dead = mine.replace(/-\d+-/, '-99999999-');
  const foreign = mine.replace(/^[0-9a-f]{12}/, '0'.repeat(12));
  const ancient = foreign.replace(/.$/, '_');
  for (const name of [dead, foreign, ancient]) await mkdir(join(root, 'tmp', name));
  await utimes(join(root, 'tmp', ancient), 1000, 1000);
  await store.prune({ maxAgeDays: 30 });
  const left = await readdir(join(root, 'tmp'));
  t.notOk(left.includes(dead), 'of a dead process');
  t.ok(left.includes(foreign), 'of another computer, today');
  t.notOk(left.includes(ancient), 'of another computer, long ago');
  t.equal(left.length, 3);
  t.ok(living);
});

t.test('closing removes what is unfinished', async t => {
  const root = t.testdir();
  {
    await using store = await openStore(root);
    await writeFile(store.temporaryPath(), 'x');
    t.equal((await stat(join(root, 'tmp'))).isDirectory(), true);
  }
  t.strictSame(await readdir(join(root, 'tmp')), []);
});

t.test('a store that cannot be made', async t => {
  const folder = t.testdir({ file: '' });
  await t.rejects(openStore(join(folder, 'file', 'store')), { code: 'STORE_NOT_WRITABLE' });
  await rm(folder, { recursive: true });
});
