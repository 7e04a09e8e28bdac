import t from 'tap';
import { formatRecord } from '../../../../src/build/inspect/format-record.ts';
import { parseBuildRecord } from '../../../../src/build/inspect/parse-record.ts';
import { exampleRecord as record, recordedPackage as pkg } from '../../../support/build-record.ts';

t.test('a record comes through as it was written', async t => {
  t.strictSame(parseBuildRecord(JSON.stringify(record), 'x.iso'), record);
  t.match(formatRecord(record), /busybox +1\.37 +2\.0 MB +scripts not run: postinst/);
});

t.test('a record of a stranger', async t => {
  const bad: [string, unknown][] = [
    ['not JSON', undefined],
    ['the record is not an object', null],
    ['the record is not an object', [record]],
    ['schema', { ...record, schema: 2 }],
    ['name is not text', { ...record, name: 1 }],
    ['arch', { ...record, arch: 'vax' }],
    ['epoch', { ...record, epoch: 1e300 }],
    ['epoch', { ...record, epoch: -1 }],
    ['kernel is not an object', { ...record, kernel: 'x' }],
    ['services is not a list', { ...record, services: {} }],
    ['images is not an object', { ...record, images: [1] }],
    ['corePackages', { ...record, corePackages: [{ ...pkg, skippedScripts: 'x' }] }],
    ['parts is not a whole number', { ...record, parts: { core: 'x' } }],
  ];
  for (const [message, value] of bad) {
    const text = value === undefined ? '{' : JSON.stringify(value);
    t.throws(() => parseBuildRecord(text, 'x.iso'), { code: 'RECORD_INVALID', message: new RegExp(message) });
  }
});

t.test('a name cannot write to the terminal', async t => {
  const shown = formatRecord({ ...record, name: '\u001b]0;owned\u0007', parts: { '\u001b[2J': 1 } });
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  t.notMatch(shown, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});
