import { readFile } from 'node:fs/promises';
import t from 'tap';
import { disableMutexChecks } from '../../../../src/build/bundle/mutex-checks.ts';
import { stripElf } from '../../../../src/build/bundle/strip-elf.ts';

t.test("the pinned Node's search for deadlocks is turned off, and nothing else is changed", async t => {
  const original = await readFile(process.execPath);
  const changed = Buffer.from(original);
  t.equal(disableMutexChecks(changed, 'node'), true);
  let differing = 0;
  for (let at = 0; at < original.length; at += 4096) {
    const [before, after] = [original.subarray(at, at + 4096), changed.subarray(at, at + 4096)];
    if (before.equals(after)) continue;
    for (const [index, byte] of before.entries()) if (after[index] !== byte) differing++;
  }
  t.equal(differing, 1, 'one byte');
  t.equal(disableMutexChecks(changed, 'node'), false, 'what is off already is left alone');
});

t.test('a program without symbols is left alone', async t => {
  const stripped = stripElf(await readFile(process.execPath), 'node');
  const before = Buffer.from(stripped);
  t.equal(disableMutexChecks(stripped, 'node'), false);
  t.ok(before.equals(stripped));
});

t.test('what is no program is refused', async t => {
  t.throws(() => disableMutexChecks(Buffer.from('#!/bin/sh\n'), 'x'), { code: 'ELF_MALFORMED' });
});
