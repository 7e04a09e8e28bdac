import { join } from 'node:path';
import t from 'tap';
import { createEngine } from '../../../../../src/machine/engine/engine.ts';
import { createLog } from '../../../../../src/machine/log.ts';
import { makeImageStore, serviceRequest } from '../../../../support/engine.ts';

t.test('a start that fails and cannot be cleared away leaves its reason', async t => {
  const root = t.testdir({ busybox: 'only copied' });
  const lines: string[] = [];
  // Without crun nothing can be deleted from it either.
  const programs = {
    conmon: join(root, 'no-conmon'),
    crun: join(root, 'no-crun'),
    busybox: join(root, 'busybox'),
  };
  const engine = await createEngine({
    runRoot: join(root, 'run'),
    imageStores: [makeImageStore(join(root, 'store'), programs.busybox)],
    programs,
    version: '0.1.0-test',
    log: createLog({ component: 'test', write: line => lines.push(line) }),
  });
  t.teardown(() => engine[Symbol.asyncDispose]());
  await engine.client.create('one', serviceRequest('true'));
  await t.rejects(engine.client.start('one'), { message: /no-conmon/ });
  t.match(await engine.client.inspect('one'), { status: 'created', exitCode: 128, error: /no-conmon/ });
  t.match(lines.join(''), /could not be cleared away.*no-crun/);
});
