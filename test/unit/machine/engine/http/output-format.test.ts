import t from 'tap';
import { LogParser } from '../../../../../src/machine/engine/logs/k8s-log.ts';
import { OutputFormatter, outputType } from '../../../../../src/machine/engine/http/output-format.ts';
import { FrameParser } from '../../../../../src/machine/engine-api/stdcopy.ts';

const text = [
  '2026-11-21T05:00:01.000000000+00:00 stdout F one',
  '2026-11-21T05:00:02.000000000+00:00 stdout P two, first half',
  '2026-11-21T05:00:03.000000000+00:00 stderr F between',
  '2026-11-21T05:00:04.000000000+00:00 stdout F , second half',
  `2026-11-21T05:00:05.000000000+00:00 stdout F ${'long '.repeat(40)}`,
  '',
].join('\n');
const seconds = (second: number): bigint => BigInt(Date.parse(`2026-11-21T05:00:0${second}Z`)) * 1_000_000n;
const both = { stdout: true, stderr: true };
const push = (format: ConstructorParameters<typeof OutputFormatter>[0]) =>
  new OutputFormatter(format).push(new LogParser().push(Buffer.from(text)));
const frames = (format: ConstructorParameters<typeof OutputFormatter>[0]): string[] =>
  [...new FrameParser().push(push(format).data)].map(({ stream, data }) => `${stream}:${data.toString()}`);
const long = `${'long '.repeat(40)}\n`;

t.test('a frame for each piece, or as few as can be', async t => {
  t.same(frames({ ...both, isRaw: false }), [
    'stdout:one\n',
    'stdout:two, first half',
    'stderr:between\n',
    'stdout:, second half\n',
    `stdout:${long}`,
  ]);
  t.same(frames({ ...both, isRaw: false, isMerged: true }), [
    'stdout:one\ntwo, first half',
    'stderr:between\n',
    `stdout:, second half\n${long}`,
  ]);
  t.same(frames({ stdout: false, stderr: true, isRaw: false }), ['stderr:between\n']);
  t.same(frames({ stdout: true, stderr: false, isRaw: false, isMerged: true }).length, 1);
  t.equal(
    push({ ...both, isRaw: true }).data.toString(),
    `one\ntwo, first halfbetween\n, second half\n${long}`,
  );
});

t.test('times and details stand before lines, not before pieces', async t => {
  t.same(
    frames({ stdout: true, stderr: false, isRaw: false, timestamps: true, details: 'k=v' }).slice(0, 3),
    [
      'stdout:2026-11-21T05:00:01.000000000Z k=v one\n',
      'stdout:2026-11-21T05:00:02.000000000Z k=v two, first half',
      'stdout:, second half\n',
    ],
  );
  t.equal(frames({ ...both, isRaw: false, details: '' })[0], 'stdout: one\n');
});

t.test('since and until include their own moment', async t => {
  t.same(frames({ ...both, isRaw: false, since: seconds(3), until: seconds(4) }), [
    'stderr:between\n',
    'stdout:, second half\n',
  ]);
  t.equal(push({ ...both, isRaw: false, until: seconds(4) }).isOver, true);
  t.equal(push({ ...both, isRaw: false, until: seconds(5) }).isOver, false);
});

t.test('framed output has a name of its own since API 1.42', async t => {
  t.equal(outputType('1.42', false), 'application/vnd.docker.multiplexed-stream');
  t.equal(outputType('1.41', false), 'application/vnd.docker.raw-stream');
  t.equal(outputType('1.45', true), 'application/vnd.docker.raw-stream');
});
