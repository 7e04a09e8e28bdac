import t from 'tap';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../src/shared/units.ts';

t.test('sizes', async t => {
  t.equal(parseSize('64M'), 67_108_864);
  t.equal(parseSize('1.5 GiB'), 1_610_612_736);
  t.equal(parseSize('512b'), 512);
  t.equal(parseSize(7), 7);
  for (const bad of ['', 'M', '-1', '1Q', '1e9', '99999999T'])
    t.throws(() => parseSize(bad), { code: 'INVALID_SIZE' }, bad);
  t.equal(formatSize(999), '999 B');
  t.equal(formatSize(45_200_000), '45.2 MB');
  t.equal(formatSize(999_990), '1.0 MB');
});

t.test('durations', async t => {
  t.equal(parseDuration('500ms'), 500);
  t.equal(parseDuration('1m30s'), 90_000);
  t.equal(parseDuration('0.5h'), 1_800_000);
  for (const bad of ['', '30', 's', '1d', '-1s', '1 s'])
    t.throws(() => parseDuration(bad), { code: 'INVALID_DURATION' }, bad);
  t.equal(formatDuration(950), '950 ms');
  t.equal(formatDuration(3240), '3.2 s');
  t.equal(formatDuration(59_990), '1 m 00 s');
  t.equal(formatDuration(125_000), '2 m 05 s');
});
