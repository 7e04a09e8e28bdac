import { mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  loadEarlyTimeline,
  parseEarlyTimeline,
  parseFailedFileSystems,
} from '../../../../src/machine/boot/early-timeline.ts';
import { Journal, parseJournal } from '../../../../src/machine/boot/journal.ts';
import { formatReadyLine } from '../../../../src/machine/boot/ready-line.ts';

t.test('a journal goes on where an earlier life stopped', async t => {
  const file = join(t.testdir(), 'run', 'boot.json');
  const first = Journal.load(file, reason => t.fail(reason));
  first.setPhase('state', { startedAt: 1 });
  first.setPhase('state', { startedAt: 1, endedAt: 2, detail: 'none' });
  first.setService('a', { status: { status: 'up' }, startedAt: 3, upAt: 4 });
  first.update({ readyLine: '[ready] x' });
  const second = Journal.load(file, reason => t.fail(reason));
  t.same(second.data, first.data);
  t.same(second.data.phases.state, { startedAt: 1, endedAt: 2, detail: 'none' });
  t.same(readdirSync(join(file, '..')), ['boot.json'], 'nothing half-written is left');
});

t.test('a damaged journal is begun anew, and said', async t => {
  const cases = ['', '{', 'null', '[]', '{"schema":2}', '"x"'];
  for (const text of cases) {
    t.equal(parseJournal(text), undefined, text);
    const file = join(t.testdir(), 'boot.json');
    writeFileSync(file, text);
    const said: string[] = [];
    const journal = Journal.load(file, reason => said.push(reason));
    t.same(journal.data.phases, {});
    t.match(said, [/damaged; the boot phases are run again/]);
    journal.update({ lives: [1] });
    t.match(readFileSync(file, 'utf8'), /"lives":\[1\]/);
  }
});

t.test('the ready line is an interface', async t => {
  const report = { name: 'box', version: '1.2', up: 3, total: 5, failed: ['a', 'b'], uptime: 4.5 };
  t.equal(formatReadyLine(report), '[ready] box 1.2 services=3/5 failed=a,b uptime=4.50s');
  t.equal(
    formatReadyLine({ ...report, up: 5, failed: [], uptime: 12 }),
    '[ready] box 1.2 services=5/5 failed= uptime=12.00s',
  );
});

t.test('the early timeline', async t => {
  t.same(parseEarlyTimeline('kernel 1.20\nbad line here\nmodules 2\n\nx -1\n'), [
    { name: 'kernel', endedAt: 1.2 },
    { name: 'modules', endedAt: 2 },
  ]);
  t.same(loadEarlyTimeline(join(t.testdir(), 'none')), []);
});

t.test('a journal that cannot be saved is said once, and kept in memory', async t => {
  const file = join(t.testdir(), 'boot.json');
  const said: string[] = [];
  const journal = Journal.load(file, reason => said.push(reason));
  mkdirSync(file);
  journal.update({ lives: [1] });
  journal.update({ lives: [1, 2] });
  t.match(said, [/boot.json cannot be saved/]);
  t.equal(said.length, 1);
  t.same(journal.data.lives, [1, 2]);
  t.same(readdirSync(join(file, '..')), ['boot.json'], 'nothing half-written takes room');
  rmdirSync(file);
  journal.update({ lives: [1, 2, 3] });
  t.match(readFileSync(file, 'utf8'), /"lives":\[1,2,3\]/);
});

t.test('file systems that were left out', async t => {
  t.same(parseFailedFileSystems('tools not found: no disk\nbad\n\n'), [
    { name: 'tools', reason: 'not found: no disk' },
  ]);
});
