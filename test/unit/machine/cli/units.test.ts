import t from 'tap';
import {
  formatBinarySize,
  formatGoTime,
  formatSignificant,
  formatSize,
  parseBinarySize,
  parseDuration,
  shortId,
  shorten,
} from '../../../../src/machine/cli/units.ts';
import { parseTimestamp } from '../../../../src/machine/cli/timestamps.ts';

t.test('sizes', async t => {
  t.equal(formatSize(0), '0B');
  t.equal(formatSize(12_345), '12.3kB');
  t.equal(formatSize(999_900), '1e+03kB', "Go's %.3g");
  t.equal(formatSize(123_456_789, 4), '123.5MB');
  t.equal(formatBinarySize(2_088_763_392), '1.945GiB');
  t.equal(formatSignificant(0.000_012_34, 3), '1.23e-05');
  t.equal(parseBinarySize('512m'), 512 * 1024 ** 2);
  t.equal(parseBinarySize('1.5GiB'), 1.5 * 1024 ** 3);
  t.equal(parseBinarySize('12'), 12);
  for (const bad of ['', 'm', '-1', '1x', '1 000']) t.equal(parseBinarySize(bad), undefined, bad);
});

t.test('durations and times', async t => {
  t.equal(parseDuration('1h30m'), 5400e9);
  t.equal(parseDuration('1.5s'), 1.5e9);
  t.equal(parseDuration('-10ms'), -10e6);
  for (const bad of ['', '5', 'm', '1d', '1h 2m']) t.equal(parseDuration(bad), undefined, bad);
  t.equal(parseTimestamp('10m', 1_700_000_000_500), '1699999400');
  t.equal(parseTimestamp('2023-11-14T22:13:20.5Z', 0), '1700000000.500000000');
  t.equal(parseTimestamp('2023-11-14T23:13:20+01:00', 0), '1700000000.000000000');
  t.equal(parseTimestamp('1700000000.25', 0), '1700000000.25');
  t.throws(() => parseTimestamp('2023-14-14', 0), { code: 'CLI_TIME_INVALID' });
  t.throws(() => parseTimestamp('yester-day', 0), { code: 'CLI_TIME_INVALID' });
  t.match(formatGoTime(new Date(0)), /^19(70-01-01|69-12-31) \d\d:\d\d:00 [+-]\d{4} (UTC|[+-]\d{4})$/);
});

t.test('short texts', async t => {
  t.equal(shorten('abcdef', 4), 'abc…');
  t.equal(shorten('abcd', 4), 'abcd');
  t.equal(shorten('日本語', 5), '日本…');
  t.equal(shortId(`sha256:${'ab'.repeat(32)}`), 'abababababab');
});
