import t from 'tap';
import { isElf, neededLibraries, parseElf, sectionBytes } from '../../../../src/build/assemble/elf.ts';
import { makeElf } from './fixtures.ts';

t.test('what a program needs is read from its dynamic section', async t => {
  const bytes = makeElf({ needed: ['libc.so.6', 'libm.so.6'], interpreter: '/lib64/ld.so' });
  t.ok(isElf(bytes));
  t.same(neededLibraries(bytes, parseElf(bytes, 'x')), ['libc.so.6', 'libm.so.6']);
});

t.test('a section is found by name', async t => {
  const bytes = makeElf({ sections: { '.modinfo': 'a=b\0', '.other': 'x' } });
  const section = sectionBytes(bytes, parseElf(bytes, 'x'), '.modinfo');
  t.equal(Buffer.from(section ?? []).toString(), 'a=b\0');
  t.equal(sectionBytes(bytes, parseElf(bytes, 'x'), '.none'), undefined);
});

t.test('the pinned Node itself can be read', async t => {
  const { readFile } = await import('node:fs/promises');
  const bytes = await readFile(process.execPath);
  t.ok(neededLibraries(bytes, parseElf(bytes, 'node')).includes('libc.so.6'));
});

t.test('hostile files are refused, whatever is wrong with them', async t => {
  const good = makeElf({ needed: ['libc.so.6'], sections: { '.a': 'text' } });
  t.throws(() => parseElf(Buffer.from('#!/bin/sh'), 'script'), { code: 'ELF_MALFORMED' });
  t.throws(() => parseElf(good.subarray(0, 40), 'cut'), { code: 'ELF_MALFORMED' });
  t.throws(() => parseElf(good.subarray(0, good.length - 70), 'without its table'), {
    code: 'ELF_MALFORMED',
  });
  for (const offset of [32, 40]) {
    const bad = Buffer.from(good);
    bad.writeBigUInt64LE(0xffff_ffff_ffff_fff0n, offset);
    t.throws(() => parseElf(bad, 'far away'), { code: 'ELF_MALFORMED' });
  }
  const big = Buffer.from(good);
  big.writeBigUInt64LE(1n << 40n, 64 + 32);
  t.throws(() => parseElf(big, 'a segment beyond the end'), { code: 'ELF_MALFORMED' });
});

t.test('no damage of a byte leads to anything but the error or an answer', async t => {
  const good = makeElf({ needed: ['libc.so.6'], interpreter: '/ld', sections: { '.modinfo': 'a=b\0' } });
  for (let at = 0; at < good.length; at++) {
    for (const value of [0, 0x7f, 0xff]) {
      const bad = Buffer.from(good);
      bad[at] = value;
      try {
        const elf = parseElf(bad, 'damaged');
        neededLibraries(bad, elf);
        sectionBytes(bad, elf, '.modinfo');
      } catch (error) {
        t.match(error, { code: 'ELF_MALFORMED' }, `byte ${at} as ${value}`);
      }
    }
  }
});
