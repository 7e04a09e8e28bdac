import stringWidth from 'string-width';
import t from 'tap';
import { formatBytes, formatDuration } from '../../../../src/build/report/format.ts';
import { createPlainReporter } from '../../../../src/build/report/plain.ts';
import type { ReportTarget } from '../../../../src/build/report/reporter.ts';
import { createTtyReporter } from '../../../../src/build/report/tty.ts';
import type { BuildEvent } from '../../../../src/shared/events.ts';

interface FakeTarget extends ReportTarget {
  nowMs: number;
  width: number;
  text: string;
}

function fakeTarget(): FakeTarget {
  return {
    nowMs: 0,
    width: 60,
    text: '',
    write(text) {
      this.text += text;
    },
    columns() {
      return this.width;
    },
    now() {
      return this.nowMs;
    },
  };
}

/** What a terminal shows after `text`, and everything that has scrolled by; the subset that we write. */
function screenOf(text: string): string[] {
  const lines = [''];
  let row = 0;
  // eslint-disable-next-line no-control-regex -- the terminal's own language
  for (const [part, count, final] of text.matchAll(/\u001b\[(\d*)([A-Za-z])|\n|[^\n\u001b]+/g)) {
    if (final === 'A') row -= Number(count);
    else if (final === 'J') lines.splice(row, Infinity, '');
    else if (part === '\n') lines[++row] ??= '';
    else if (final === undefined) lines[row] = `${lines[row] ?? ''}${part}`;
    if (row < 0) throw new Error('the cursor left the screen');
  }
  return lines.slice(0, -1);
}

const progress = (receivedBytes: number, more: Partial<BuildEvent> = {}): BuildEvent =>
  ({
    type: 'fetch-progress',
    name: 'busybox 1.37',
    receivedBytes,
    totalBytes: 4_000_000,
    filesDone: 1,
    filesTotal: 2,
    ...more,
  }) as BuildEvent;

t.test('durations and sizes', async t => {
  t.strictSame([0.4, 999, 1500, 59_949, 125_400].map(formatDuration), [
    '0 ms',
    '999 ms',
    '1.5 s',
    '59.9 s',
    '2 min 05 s',
  ]);
  t.strictSame([17, 640_000, 12_345_678, 4_000_000_000].map(formatBytes), [
    '17 B',
    '640 kB',
    '12.3 MB',
    '4.00 GB',
  ]);
});

t.test('the plain reporter writes a line when something ends', async t => {
  const target = fakeTarget();
  const reporter = createPlainReporter(target);
  reporter.emit({ type: 'stage-start', stage: 'fetch' });
  reporter.emit(progress(1_000_000));
  target.nowMs = 2000;
  reporter.emit(progress(4_000_000));
  reporter.emit({ type: 'stage-end', stage: 'fetch', durationMs: 2000 });
  reporter.emit({ type: 'stage-end', stage: 'assemble', durationMs: 5, cached: true });
  reporter.emit({ type: 'step-start', stage: 'pack', step: 'core' });
  reporter.emit({ type: 'step-end', stage: 'pack', step: 'core', durationMs: 1250, cached: false });
  reporter.emit({ type: 'step-end', stage: 'pack', step: 'initrd', durationMs: 1, cached: true });
  reporter.emit({ type: 'warning', message: 'old \u001b[31mmirror', hint: 'name another' });
  reporter.emit({ type: 'note', message: 'skipped x' });
  reporter.close();
  reporter.emit({ type: 'note', message: 'too late' });
  t.equal(
    target.text,
    'fetch ...\n' +
      'fetch: 4.0 MB at 2.0 MB/s\n' +
      'fetch: done, 2.0 s\n' +
      'assemble: unchanged, 5 ms\n' +
      'pack: core, 1.3 s\n' +
      'pack: initrd, from the store\n' +
      'warning: old \\x1b[31mmirror\n' +
      '  hint: name another\n' +
      'skipped x\n',
  );
});

t.test('the live display shows what runs and leaves what has ended', async t => {
  const target = fakeTarget();
  target.width = 200;
  const reporter = createTtyReporter(target);
  t.teardown(() => reporter.close());
  reporter.emit({ type: 'stage-start', stage: 'fetch' });
  reporter.emit(progress(0));
  target.nowMs = 1000;
  reporter.emit(progress(1_000_000));
  reporter.emit({ type: 'note', message: 'from mirror x' });
  t.strictSame(screenOf(target.text), [
    '  from mirror x',
    '⠋ fetch  1.0 s',
    '    ██████░░░░░░░░░░░░░░░░░░ 1.0 MB of 4.0 MB, 1 of 2 files, 1.0 MB/s  busybox 1.37',
  ]);
  reporter.emit({ type: 'stage-end', stage: 'fetch', durationMs: 1000 });
  reporter.emit({ type: 'stage-start', stage: 'pack' });
  reporter.emit({ type: 'step-start', stage: 'pack', step: 'core' });
  reporter.emit({ type: 'step-end', stage: 'pack', step: 'initrd', durationMs: 1, cached: true });
  reporter.emit({ type: 'warning', message: 'slow \u001b[2J disk', hint: 'wait' });
  t.strictSame(screenOf(target.text), [
    '  from mirror x',
    '✓ fetch  1.0 s, 1.0 MB',
    '! slow \\x1b[2J disk',
    '  hint: wait',
    '⠋ pack  0 ms',
    '    core  0 ms',
  ]);
  reporter.emit({ type: 'stage-end', stage: 'pack', durationMs: 7 });
  reporter.close();
  reporter.emit({ type: 'note', message: 'too late' });
  t.strictSame(screenOf(target.text).slice(-1), ['✓ pack  7 ms, 1 from the store']);
});

t.test('what is redrawn never wraps and never outgrows the screen', async t => {
  const target = fakeTarget();
  target.width = 40;
  const reporter = createTtyReporter(target);
  reporter.emit({ type: 'stage-start', stage: 'pack' });
  for (let i = 0; i < 30; i++)
    reporter.emit({ type: 'step-start', stage: 'pack', step: `${i} 漢字 👩‍👩‍👧 two\nlines ${'x'.repeat(9000)}` });
  target.text = '';
  reporter.emit({ type: 'note', message: 'now' });
  const live = screenOf(target.text.slice(target.text.indexOf('  now'))).slice(1);
  t.equal(live.length, 10);
  t.match(live.at(-1), 'and 22 more');
  for (const line of live) t.ok(stringWidth(line) < 40, line);
  reporter.close();
  t.ok(target.text.endsWith('\u001b[10A\u001b[0J'), 'it is erased in the end');
});
