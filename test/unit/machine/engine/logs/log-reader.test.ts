import { appendFileSync, linkSync, readdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { listLogFiles, numberCurrent, trimLog } from '../../../../../src/machine/engine/logs/log-files.ts';
import { readLog } from '../../../../../src/machine/engine/logs/log-reader.ts';

const line = (text: string, tag = 'F'): string => `2026-11-21T05:03:43.1Z stdout ${tag} ${text}\n`;
const read = async (folder: string, tail?: number): Promise<string[]> => {
  const lines: string[] = [];
  for await (const { text } of readLog(folder, { follow: false, ...(tail === undefined ? {} : { tail }) })) {
    lines.push(text.toString());
  }
  return lines;
};
/** As conmon does it: a new file under another name, renamed over the old one. */
const reopen = (folder: string): void => {
  writeFileSync(join(folder, 'current.tmp'), '');
  renameSync(join(folder, 'current.tmp'), join(folder, 'current'));
};

t.test('files in order, each once', async t => {
  const folder = t.testdir({});
  t.same(await read(folder), []);
  writeFileSync(join(folder, 'current'), line('1') + line('2'));
  t.same(await read(folder), ['1', '2'], 'a file without a number');
  await numberCurrent(folder);
  await numberCurrent(folder);
  t.same(readdirSync(folder), ['000001', 'current']);
  reopen(folder);
  appendFileSync(join(folder, 'current'), line('3'));
  t.same(await read(folder), ['1', '2', '3']);
  await numberCurrent(folder);
  t.same(await read(folder), ['1', '2', '3']);
  t.same(
    (await listLogFiles(folder)).map(file => file.number),
    [1, 2],
  );
});

t.test('the last lines, pieces counted with their line', async t => {
  const folder = t.testdir({
    '000001': line('1') + line('2a', 'P') + line('2b'),
    current: line('3') + line('4a', 'P'),
  });
  t.same(await read(folder, 1), ['4a']);
  t.same(await read(folder, 2), ['3', '4a']);
  t.same(await read(folder, 3), ['2a', '2b', '3', '4a']);
  t.same(await read(folder, 99), ['1', '2a', '2b', '3', '4a']);
  t.same(await read(folder, 0), []);
});

t.test('trimming takes the oldest and never the newest', async t => {
  const folder = t.testdir({
    '000001': 'x'.repeat(100),
    '000002': 'x'.repeat(100),
    '000003': 'x'.repeat(500),
  });
  await trimLog(await listLogFiles(folder), 650);
  t.same(readdirSync(folder), ['000002', '000003']);
  await trimLog(await listLogFiles(folder), 10);
  t.same(readdirSync(folder), ['000003']);
});

t.test('a follower reads on through files that are put aside and deleted', async t => {
  const folder = t.testdir({ current: line('1') });
  const lines: string[] = [];
  const stop = new AbortController();
  const waiting: { count: number; resolve: () => void }[] = [];
  const until = (count: number): Promise<void> =>
    new Promise(resolve => {
      if (lines.length >= count) resolve();
      else waiting.push({ count, resolve });
    });
  const reading = (async () => {
    for await (const { text } of readLog(folder, { follow: true, signal: stop.signal })) {
      lines.push(text.toString());
      for (const { count, resolve } of waiting) if (lines.length >= count) resolve();
    }
  })();
  await until(1);
  appendFileSync(join(folder, 'current'), line('2'));
  await until(2);
  linkSync(join(folder, 'current'), join(folder, '000001'));
  reopen(folder);
  appendFileSync(join(folder, '000001'), line('3'));
  appendFileSync(join(folder, 'current'), line('4'));
  unlinkSync(join(folder, '000001'));
  appendFileSync(join(folder, 'current'), line('5'));
  await until(5);
  stop.abort();
  await reading;
  t.same(lines, ['1', '2', '3', '4', '5']);
});

t.test('following ends when nothing can come any more', async t => {
  const folder = t.testdir({ current: line('1') });
  const lines: string[] = [];
  for await (const { text } of readLog(folder, { follow: true, isOver: () => true }))
    lines.push(text.toString());
  t.same(lines, ['1']);
});
