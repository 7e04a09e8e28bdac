import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { EscapeFilter, attachTerminal } from '../../../../src/build/vm/terminal.ts';
import { Qmp } from '../../../../src/build/vm/qmp.ts';
import { Duplex } from 'node:stream';

const CTRL_A = '\u0001';
const type = (...texts: string[]): { passed: string; left: boolean } => {
  const filter = new EscapeFilter();
  let passed = '';
  for (const text of texts) {
    const { pass, leave } = filter.filter(Buffer.from(text));
    passed += Buffer.from(pass).toString();
    if (leave) return { passed, left: true };
  }
  return { passed, left: false };
};

t.test('Ctrl-A X leaves, also when the keys come apart', async t => {
  t.same(type(`ls\n${CTRL_A}x`), { passed: 'ls\n', left: true });
  t.same(type('ls', CTRL_A, 'X', 'never'), { passed: 'ls', left: true });
});

t.test('Ctrl-A and another key reach the machine', async t => {
  t.same(type(`${CTRL_A}b`), { passed: `${CTRL_A}b`, left: false });
  t.same(type(CTRL_A, CTRL_A, 'x'), { passed: `${CTRL_A}x`, left: false });
});

t.test('a terminal is raw while attached and itself afterwards', async t => {
  const modes: boolean[] = [];
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (mode: boolean) => modes.push(mode),
  });
  const typed: string[] = [];
  const keyboard = attachTerminal(input, {
    type: bytes => typed.push(String(Buffer.from(bytes))),
    leave: () => undefined,
  });
  input.write('\u0003');
  await setImmediate();
  keyboard[Symbol.dispose]();
  input.write('later');
  await setImmediate();
  t.same(typed, ['\u0003'], 'Ctrl-C is a key');
  t.same(modes, [true, false]);
});

function qemu(): { stream: Duplex; sent: string[]; say: (reply: unknown) => void } {
  const sent: string[] = [];
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk, _encoding, done) => {
      sent.push(...String(chunk).trim().split('\n'));
      done();
    },
  });
  return { stream, sent, say: reply => stream.push(`${JSON.stringify(reply)}\n`) };
}

t.test('QMP: handshake, replies by their number, errors', async t => {
  const { stream, sent, say } = qemu();
  const qmp = new Qmp(stream);
  say({ QMP: { version: {} } });
  await setImmediate();
  t.match(JSON.parse(sent[0] ?? ''), { execute: 'qmp_capabilities', id: 1 });
  say({ event: 'RESUME' });
  say({ id: 1, return: {} });
  await qmp.ready;
  const status = qmp.execute('query-status');
  const wrong = qmp.execute('no-such');
  say({ id: 3, error: { class: 'CommandNotFound', desc: 'unknown' } });
  say({ id: 2, return: { running: true } });
  t.same(await status, { running: true });
  await t.rejects(wrong, { code: 'VM_CONTROL_FAILED', message: /unknown/ });
});

t.test('QMP: an end of the stream ends every wait', async t => {
  const { stream, say } = qemu();
  const qmp = new Qmp(stream);
  const waiting = qmp.execute('query-status');
  say('not an object');
  stream.push(null);
  await t.rejects(qmp.ready, { code: 'VM_CONTROL_FAILED' });
  await t.rejects(waiting, { code: 'VM_CONTROL_FAILED' });
});
