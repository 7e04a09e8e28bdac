import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { saveFile } from '../../../../src/machine/host/save-file.ts';

t.test('the whole text, in place of the old one', async t => {
  const file = join(t.testdir(), 'sub', 'file');
  saveFile(file, 'old');
  const long = 'é'.repeat(1_000_000);
  saveFile(file, long, { durable: true });
  t.equal(readFileSync(file, 'utf8'), long);
  t.same(readdirSync(join(file, '..')), ['file']);
});

t.test('nothing half-written is left when it cannot be saved', async t => {
  const file = join(t.testdir(), 'file');
  mkdirSync(file);
  t.throws(() => saveFile(file, 'x'));
  t.same(readdirSync(join(file, '..')), ['file']);
});
