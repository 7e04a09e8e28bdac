import {
  appendFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { listLogFiles, numberCurrent, trimLog } from '../../../../../src/machine/engine/logs/log-files.ts';
import { endOfLog } from '../../../../../src/machine/engine/logs/held-log.ts';
import { type LogReading, openLog, readLog } from '../../../../../src/machine/engine/logs/log-reader.ts';

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
    listLogFiles(folder).map(file => file.number),
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
  await trimLog(listLogFiles(folder), 601);
  t.equal(readdirSync(folder).length, 3);
  await trimLog(listLogFiles(folder), 600);
  t.same(readdirSync(folder), ['000002', '000003']);
  await trimLog(listLogFiles(folder), 10);
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

const readAll = async (reading: LogReading): Promise<string[]> => {
  const lines: string[] = [];
  for await (const batch of reading.batches) lines.push(...batch.map(({ text }) => text.toString()));
  return lines;
};

t.test('a reading begins where the log ended, also in a file that was put aside since', async t => {
  const folder = t.testdir({});
  t.equal(endOfLog(folder), undefined);
  writeFileSync(join(folder, 'current'), line('1'));
  const from = endOfLog(folder) ?? { inode: 0n, offsetBytes: 0 };
  appendFileSync(join(folder, 'current'), line('2'));
  await numberCurrent(folder);
  reopen(folder);
  appendFileSync(join(folder, 'current'), line('3'));
  using reading = openLog(folder, { follow: false, from });
  appendFileSync(join(folder, 'current'), line('later'));
  t.same(await readAll(reading), ['2', '3']);
  using whole = openLog(folder, { follow: false, from: { inode: 1n, offsetBytes: 5 } });
  t.same(await readAll(whole), ['1', '2', '3', 'later'], 'a place that is gone is the beginning');
});

t.test('what is held can be read after the log was removed, and nothing that came later', async t => {
  const folder = join(t.testdir({}), 'logs');
  mkdirSync(folder);
  writeFileSync(join(folder, 'current'), line('1'));
  let isOver = false;
  let wake = (): void => undefined;
  using reading = openLog(folder, {
    follow: true,
    isOver: () => isOver,
    onWake: look => {
      wake = look;
      return () => undefined;
    },
  });
  await numberCurrent(folder);
  reopen(folder);
  appendFileSync(join(folder, 'current'), line('2'));
  isOver = true;
  wake();
  appendFileSync(join(folder, 'current'), line('of another life'));
  renameSync(folder, `${folder}.removing`);
  rmSync(`${folder}.removing`, { recursive: true });
  t.same(await readAll(reading), ['1', '2']);
});

const isCutOff = async (reading: LogReading): Promise<void> => {
  // A watch alone does not keep a process alive.
  const awake = setInterval(() => undefined, 1000);
  if (!reading.cutOff.aborted) {
    await new Promise(resolve => reading.cutOff.addEventListener('abort', resolve, { once: true }));
  }
  clearInterval(awake);
};

t.test('a reader that falls too far behind is told at once, though it does not read', async t => {
  const folder = t.testdir({ current: line('x'.repeat(500)) });
  using reading = openLog(folder, { follow: true, maxBehindBytes: 1000 });
  for (let file = 0; file < 2; file += 1) {
    await numberCurrent(folder);
    reopen(folder);
    appendFileSync(join(folder, 'current'), line('x'.repeat(500)));
  }
  await isCutOff(reading);
  await t.rejects(readAll(reading), { code: 'LOG_READER_TOO_SLOW', kind: 'unavailable' });
});

t.test('a file that came and went unseen is not passed over in silence', async t => {
  const folder = t.testdir({ current: line('1') });
  using reading = openLog(folder, { follow: true });
  for (const text of ['2', '3']) {
    reopen(folder);
    appendFileSync(join(folder, 'current'), line(text));
  }
  await isCutOff(reading);
  await t.rejects(readAll(reading), { code: 'LOG_READER_TOO_SLOW' });
  // The same with numbers, which also a late look can tell.
  const numbered = t.testdir({ '000001': line('1'), current: line('2') });
  let wake = (): void => undefined;
  using late = openLog(numbered, {
    follow: true,
    onWake: look => {
      wake = look;
      return () => undefined;
    },
  });
  await numberCurrent(numbered);
  for (const number of ['000003', '000004']) writeFileSync(join(numbered, number), line(number));
  wake();
  t.equal(late.cutOff.aborted, false);
  unlinkSync(join(numbered, '000004'));
  writeFileSync(join(numbered, '000006'), line('6'));
  wake();
  t.equal(late.cutOff.aborted, true);
});
