import t from 'tap';
import { createServiceControl } from '../../../../src/machine/control/services.ts';
import { silentLog } from '../../../../src/machine/log.ts';
import type { ServiceProgress } from '../../../../src/machine/services/status.ts';
import { MemoryEngine } from '../../../support/memory-engine.ts';
import { createService } from '../../../support/service-definition.ts';

const signal = new AbortController().signal;

async function setUp() {
  const engine = new MemoryEngine();
  const asked: string[] = [];
  const progress = new Map<string, ServiceProgress>([
    ['a', { status: { status: 'up' }, startedAt: 1, upAt: 2 }],
    ['b', { status: { status: 'waiting' } }],
  ]);
  const verb = (word: string) => async (name: string) => void asked.push(`${word} ${name}`);
  const control = createServiceControl({
    definitions: [
      createService('a', { ready: { kind: 'file', path: '/up', intervalMs: 20 } }),
      createService('b', { pod: 'a' }),
    ],
    engine,
    runner: {
      progress,
      waiting: new Map([['b', { services: [], conditions: ['pod:a'] }]]),
      startService: verb('start'),
      stopService: verb('stop'),
      restartService: verb('restart'),
    },
    log: silentLog,
  });
  await engine.create('a', { Image: 'x' });
  await engine.start('a');
  return { control, engine, asked };
}

t.test('what runs and what is waited for', async t => {
  const { control } = await setUp();
  t.match(await control.list(), [
    { name: 'a', status: 'up', pid: 1, waitsFor: [], startedAt: 1, upAt: 2 },
    { name: 'b', status: 'waiting', pid: 0, waitsFor: ['a, whose pod it shares'] },
  ]);
  t.match(await control.details('a'), { containerId: 'a', upWhen: 'the file /up', onFailure: 'continue' });
  t.match(await control.details('b'), { pod: 'a', detail: 'waiting for a, whose pod it shares' });
});

t.test('verbs go to the planner; its answer is how the service is then', async t => {
  const { control, engine, asked } = await setUp();
  engine.exit('a', 3);
  t.match(await control.change('a', 'stop', signal), { name: 'a', exitCode: 3 });
  await control.change('a', 'start', signal);
  await control.change('a', 'restart', signal);
  t.same(asked, ['stop a', 'start a', 'restart a']);
});

t.test('a name that is none is not passed on', async t => {
  const { control, asked } = await setUp();
  const wrong = { code: 'SERVICE_NOT_FOUND', message: 'there is no service "c"' };
  await t.rejects(control.details('c'), wrong);
  await t.rejects(control.change('c', 'stop', signal), wrong);
  await t.rejects(control.logs('c', { follow: false, signal })[Symbol.asyncIterator]().next(), wrong);
  t.same(asked, []);
});

t.test('the log, in parts as it is written', async t => {
  const { control, engine } = await setUp();
  engine.log('a', 'be', true);
  engine.log('a', 'gin');
  const lines = control.logs('a', { follow: true, signal })[Symbol.asyncIterator]();
  t.same((await lines.next()).value, { stream: 'stdout', timeMs: 0, text: 'be', partial: true });
  t.same((await lines.next()).value, { stream: 'stdout', timeMs: 0, text: 'gin' });
});
