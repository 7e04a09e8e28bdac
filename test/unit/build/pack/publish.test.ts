import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { artifactNames, volumeId } from '../../../../src/build/pack/artifact-names.ts';
import { formatChecksums, hashFile } from '../../../../src/build/pack/checksums.ts';
import { derivedHex, derivedUuid } from '../../../../src/build/pack/derived-id.ts';
import { publishFile } from '../../../../src/build/pack/publish.ts';
import { ToolError } from '../../../../src/shared/errors.ts';

t.test('the file stands at its place with mode 0644, and nothing beside it', async t => {
  const old = process.umask(0o077);
  t.teardown(() => process.umask(old));
  const folder = t.testdir({});
  const output = join(folder, 'deep/er/file');
  const result = await publishFile(output, async ({ file, folder: scratch }) => {
    writeFileSync(join(scratch, 'other'), 'scratch');
    writeFileSync(file, 'whole');
    return 42;
  });
  t.equal(result, 42);
  t.equal(readFileSync(output, 'utf8'), 'whole');
  t.equal(statSync(output).mode & 0o777, 0o644);
  t.same(readdirSync(join(folder, 'deep/er')), ['file']);
});

t.test('a failure leaves the old file and nothing else', async t => {
  const folder = t.testdir({ file: 'old' });
  await t.rejects(
    publishFile(join(folder, 'file'), async ({ file }) => {
      writeFileSync(file, 'half');
      throw new Error('stopped');
    }),
    { message: 'stopped' },
  );
  t.equal(readFileSync(join(folder, 'file'), 'utf8'), 'old');
  t.same(readdirSync(folder), ['file']);
});

t.test('a full disk and a folder in the way are said so', async t => {
  const folder = t.testdir({ place: {} });
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  await t.rejects(
    publishFile(join(folder, 'x'), () => Promise.reject(full)),
    { code: 'OUTPUT_DISK_FULL' },
  );
  const told = new ToolError('running xorriso: the disk is full', { code: 'TOOL_DISK_FULL', kind: 'io' });
  await t.rejects(
    publishFile(join(folder, 'x'), () => Promise.reject(told)),
    { code: 'OUTPUT_DISK_FULL', message: /writing .*x: the disk is full/ },
  );
  await t.rejects(
    publishFile(join(folder, 'place'), async ({ file }) => writeFileSync(file, '')),
    { code: 'OUTPUT_NOT_WRITABLE' },
  );
  t.same(readdirSync(folder), ['place']);
});

t.test('derived identifiers depend on every word and on nothing else', async t => {
  t.equal(derivedUuid('gpt', 'b0'), derivedUuid('gpt', 'b0'));
  t.not(derivedUuid('gpt', 'b0'), derivedUuid('gpt', 'b1'));
  t.not(derivedUuid('ab', 'c'), derivedUuid('a', 'bc'));
  t.match(derivedUuid('x'), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.match(derivedHex(4, 'x'), /^[0-9a-f]{8}$/);
});

t.test('checksums are sorted and spelled as sha256sum reads them', async t => {
  const folder = t.testdir({ empty: '' });
  const { sha256, sizeBytes } = await hashFile(join(folder, 'empty'));
  t.equal(sha256, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  t.equal(sizeBytes, 0);
  t.equal(
    formatChecksums([
      { name: 'b', sha256: '22' },
      { name: 'a', sha256: '11' },
    ]),
    '11  a\n22  b\n',
  );
});

t.test('names of artifacts are names of files, whatever the manifest says', async t => {
  t.equal(artifactNames({ name: 'demo', version: '1.0', arch: 'amd64' }).iso, 'demo-1.0-amd64.iso');
  t.equal(artifactNames({ name: '../..', version: 'a b/c', arch: 'arm64' }).iso, '-..-a-b-c-arm64.iso');
  t.match(volumeId({ name: 'my demo', version: '1.0-é' }), /^MY_DEMO_1_0__$/);
  t.equal(volumeId({ name: 'x'.repeat(40), version: '1' }).length, 32);
});
