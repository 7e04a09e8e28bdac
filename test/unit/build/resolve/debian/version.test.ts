import t from 'tap';
import {
  compareVersions,
  isVersion,
  satisfiesVersion,
} from '../../../../../src/build/resolve/debian/version.ts';

/** Older first; the first eight are Policy 5.6.12's own ordering of parts. */
const ORDERED: readonly (readonly [string, string])[] = [
  ['1~~', '1~~a'],
  ['1~~a', '1~'],
  ['1~', '1'],
  ['1', '1a'],
  ['1.0~rc1', '1.0'],
  ['1.0', '1.0-1'],
  ['1.0-1', '1.0-1.1'],
  ['1.0-1~deb13u1', '1.0-1'],
  ['1.0-1', '1.0-1+b1'],
  ['9', '10'],
  ['1.9', '1.10'],
  ['1.0a', '1.0+'],
  ['1.0Z', '1.0a'],
  ['99', '1:1'],
  ['1:1', '2:0'],
  ['1.2-3-4', '1.2-3-5'],
  ['6.12.94-1', '6.12.107-1'],
  ['1:10.0p1-7', '1:10.0p1-7+deb13u4'],
  ['1.0.0', '1.0.a'],
  ['2.7-2+deb12u1', '2.7-2+deb13u1'],
  ['0.0.20240101', '0.1'],
];

const EQUAL: readonly (readonly [string, string])[] = [
  ['1.0', '0:1.0'],
  ['1.00', '1.0'],
  ['1.0-0', '1.0'],
  ['1.0-', '1.0'],
  ['1.010', '1.10'],
];

t.test('versions are ordered as Policy says', async t => {
  for (const [older, newer] of ORDERED) {
    t.ok(compareVersions(older, newer) < 0, `${older} is older than ${newer}`);
    t.ok(compareVersions(newer, older) > 0, `${newer} is newer than ${older}`);
  }
  for (const [a, b] of EQUAL) {
    t.equal(Math.sign(compareVersions(a, b)), 0, `${a} is the same as ${b}`);
    t.equal(Math.sign(compareVersions(b, a)), 0, `${b} is the same as ${a}`);
  }
});

t.test('operators', async t => {
  t.ok(satisfiesVersion('1.0', '>=', '1.0'));
  t.ok(satisfiesVersion('1.0', '<=', '1.0'));
  t.ok(satisfiesVersion('1.0', '=', '1.0'));
  t.notOk(satisfiesVersion('1.0', '>>', '1.0'));
  t.notOk(satisfiesVersion('1.0', '<<', '1.0'));
  t.ok(satisfiesVersion('1.0~1', '<<', '1.0'));
});

t.test('what is no version', async t => {
  for (const text of ['', 'a b', '1.0_1', '1/2', 'x:1', '1'.repeat(201)])
    t.notOk(isVersion(text), text.slice(0, 20));
});
