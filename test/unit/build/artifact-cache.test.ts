import { copyFileSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ArtifactCache } from '../../../src/build/artifact-cache.ts';
import { digestOf } from '../../../src/shared/digest.ts';

const INPUTS = digestOf('inputs');
const HASH = 'ab'.repeat(32);

t.test('an artifact is known as long as nobody touched it', async t => {
  const folder = t.testdir({ 'a.iso': 'bytes' });
  const path = join(folder, 'a.iso');
  const cache = new ArtifactCache(join(folder, 'store'));
  const isKnown = async (): Promise<boolean> => (await cache.find(path, INPUTS)) !== undefined;

  t.notOk(await isKnown(), 'before it was made');
  await cache.save(path, INPUTS, HASH);
  t.strictSame(await cache.find(path, INPUTS), { sha256: HASH, sizeBytes: 5 });
  t.equal(await cache.find(path, digestOf('other inputs')), undefined);
  t.equal(await cache.find(join(folder, 'b.iso'), INPUTS), undefined);
  t.equal(readdirSync(join(folder, 'store/artifacts')).length, 1, 'no temporary file is left');

  utimesSync(path, 1, 1);
  t.notOk(await isKnown(), 'another time');
  await cache.save(path, INPUTS, HASH);
  copyFileSync(path, `${path}.copy`);
  renameSync(`${path}.copy`, path);
  t.notOk(await isKnown(), 'another file');
  await cache.save(path, INPUTS, HASH);
  writeFileSync(path, 'longer bytes');
  t.notOk(await isKnown(), 'another size');
  await cache.save(path, INPUTS, HASH);
  t.ok(await isKnown());
  for (const name of readdirSync(join(folder, 'store/artifacts')))
    writeFileSync(join(folder, 'store/artifacts', name), '{"inputs":');
  t.notOk(await isKnown(), 'a damaged record');
  await cache.save(path, INPUTS, HASH);
  rmSync(path);
  t.notOk(await isKnown(), 'it was removed');
});

t.test('it can be emptied', async t => {
  const folder = t.testdir({ 'a.iso': 'bytes' });
  const cache = new ArtifactCache(folder);
  await cache.save(join(folder, 'a.iso'), INPUTS, HASH);
  await cache.clear();
  t.equal(await cache.find(join(folder, 'a.iso'), INPUTS), undefined);
  await cache.clear();
});
