import t from 'tap';
import { ConsoleLog, READY_PATTERN, cleanLine, parseReadyLine } from '../../../../src/build/vm/console.ts';

const never = new AbortController().signal;

t.test('a ready line is read wherever it stands on the line', async t => {
  const match = READY_PATTERN.exec(
    '[    3.2] [ready] demo 1.0-2 services=4/6 failed=ntp,my-app uptime=12.34s',
  );
  t.ok(match);
  t.match(match && parseReadyLine(match), {
    name: 'demo',
    version: '1.0-2',
    servicesUp: 4,
    servicesTotal: 6,
    failed: ['ntp', 'my-app'],
    uptimeSeconds: 12.34,
  });
});

t.test('nothing failed is an empty list', async t => {
  const match = READY_PATTERN.exec('[ready] demo 1 services=6/6 failed= uptime=1.00s');
  t.same(match && parseReadyLine(match).failed, []);
});

t.test('what only looks like a ready line is none', async t => {
  for (const line of ['[ready]', '[ready] demo 1 services=x/6 failed= uptime=1.00s', 'ready demo 1']) {
    t.equal(READY_PATTERN.exec(line), null, line);
  }
});

t.test('control sequences and carriage returns are taken off', async t => {
  t.equal(cleanLine('\u001b[2J\u001b[01;01H\u001b]0;title\u0007hello\u001b[0m\r'), 'hello');
});

t.test('a line that comes in pieces, even inside a letter, is found once it is whole', async t => {
  const log = new ConsoleLog();
  const found = log.waitForLine(/^größe (\d+)$/, never);
  const bytes = Buffer.from('größe 42\r\n');
  log.add(bytes.subarray(0, 3));
  log.add(bytes.subarray(3));
  t.equal((await found)[1], '42');
});

t.test('a wait may begin after the line has come', async t => {
  const log = new ConsoleLog();
  log.add(Buffer.from('one\ntwo\nthree'));
  t.ok(await log.waitForLine(/^one$/, never));
  t.ok(await log.waitForLine(/three/, never), 'a prompt without a line end counts too');
});

t.test('a wait ends with its signal', async t => {
  const log = new ConsoleLog();
  const stop = new AbortController();
  const found = log.waitForLine(/never/, stop.signal);
  stop.abort(new Error('enough'));
  await t.rejects(found, { message: 'enough' });
});

t.test('endless output does not fill the memory', async t => {
  const log = new ConsoleLog();
  for (let i = 0; i < 200; i++) log.add(Buffer.from('x'.repeat(65536)));
  t.ok(log.text.length < 5 * 1024 ** 2, `${log.text.length} characters are kept`);
});
