import t from 'tap';
import { LogParser, formatLogTime, parseLogRecord } from '../../../../../src/machine/engine/logs/k8s-log.ts';

const text =
  '2026-11-21T05:03:43.777367753+00:00 stdout F hello world\n' +
  '2026-11-21T05:03:44.000000001+00:00 stderr P piece \n' +
  '2026-11-21T07:03:44.5+02:00 stderr F \n';

t.test('records, however the file is cut into chunks', async t => {
  for (const size of [1, 7, 40, 1000]) {
    const parser = new LogParser();
    const records = [];
    for (let at = 0; at < text.length; at += size)
      records.push(...parser.push(Buffer.from(text.slice(at, at + size))));
    t.same(
      records.map(record => [
        record.stream,
        record.partial,
        record.text.toString(),
        formatLogTime(record.timeNs),
      ]),
      [
        ['stdout', false, 'hello world', '2026-11-21T05:03:43.777367753Z'],
        ['stderr', true, 'piece ', '2026-11-21T05:03:44.000000001Z'],
        ['stderr', false, '', '2026-11-21T05:03:44.500000000Z'],
      ],
      `in chunks of ${size}`,
    );
  }
});

t.test('bytes that are no text, and lines that are no records', async t => {
  const line = Buffer.concat([
    Buffer.from('2026-11-21T05:03:43.7Z stdout F '),
    Buffer.from([0, 0xff, 0xc3, 0x20]),
  ]);
  t.same(parseLogRecord(line)?.text, Buffer.from([0, 0xff, 0xc3, 0x20]));
  for (const bad of ['', 'hello', '2026-11-21T05:03:43Z stdin F x', '2026-11-21T05:03:43Z stdout X x']) {
    t.equal(parseLogRecord(Buffer.from(bad)), undefined, bad);
  }
  t.equal(parseLogRecord(Buffer.from('2026-13-41T05:03:43Z stdout F x'))?.timeNs, 0n, 'no time');
  const parser = new LogParser();
  t.equal([...parser.push(Buffer.from(`garbage\n${text}`))].length, 3);
});
