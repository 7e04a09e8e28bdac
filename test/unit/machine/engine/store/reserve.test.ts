import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { saveJson } from '../../../../../src/machine/engine/store/json-file.ts';
import { fillReserve, releaseReserve } from '../../../../../src/machine/engine/store/reserve.ts';

t.test('room is kept, given to a record once, and kept again', async t => {
  const root = t.testdir({ containers: { one: { 'record.json': '{}' } } });
  const reserve = join(root, 'reserve');
  const record = join(root, 'containers/one/record.json');
  t.equal(await releaseReserve(record), false, 'there is none yet');
  await fillReserve(root);
  t.ok(statSync(reserve).size > 16 * 1024);
  await fillReserve(root);
  t.equal(await releaseReserve(record), true);
  t.notOk(existsSync(reserve));
  t.equal(await releaseReserve(record), false);
  const stranger = join(t.testdirName, 'outer');
  mkdirSync(join(stranger, 'system-docker/containers/one'), { recursive: true });
  writeFileSync(join(stranger, 'reserve'), 'of somebody else');
  t.equal(await releaseReserve(join(stranger, 'system-docker/containers/one/record.json')), false);
  t.ok(existsSync(join(stranger, 'reserve')), "a file of that name elsewhere is not the engine's");
  writeFileSync(reserve, 'a part of it');
  await fillReserve(root);
  t.ok(statSync(reserve).size > 16 * 1024, 'one that was not finished is made anew');
});

t.test('where there is no place for it there is none', async t => {
  const root = t.testdir({});
  await fillReserve(join(root, 'nowhere'));
  mkdirSync(join(root, 'reserve'));
  await fillReserve(root);
  t.same(readdirSync(root), ['reserve']);
});

t.test('what cannot be written leaves nothing behind', async t => {
  const root = t.testdir({});
  const file = join(root, 'record.json');
  mkdirSync(file);
  writeFileSync(join(file, 'in the way'), '');
  await t.rejects(saveJson(file, {}, false), { code: 'EISDIR' });
  t.same(readdirSync(root), ['record.json']);
});
