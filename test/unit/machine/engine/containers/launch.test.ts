import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createEngine } from '../../../../../src/machine/engine/engine.ts';
import { createLog } from '../../../../../src/machine/log.ts';
import { makeImageStore, serviceRequest } from '../../../../support/engine.ts';

t.test('a start that fails and cannot be cleared away leaves its reason', async t => {
  // It leaves something for crun to delete, and takes crun away.
  const conmon = '#!/bin/sh\nmkdir -p "${0%/*}/run/crun/$4"\nrm "${0%/*}/crun"\n';
  const root = t.testdir({ busybox: 'only copied', conmon, crun: '#!/bin/sh\n' });
  const lines: string[] = [];
  const programs = {
    conmon: join(root, 'conmon'),
    crun: join(root, 'crun'),
    busybox: join(root, 'busybox'),
  };
  for (const program of [programs.conmon, programs.crun]) chmodSync(program, 0o755);
  const engine = await createEngine({
    runRoot: join(root, 'run'),
    imageStores: [makeImageStore(join(root, 'store'), programs.busybox)],
    programs,
    version: '0.1.0-test',
    log: createLog({ component: 'test', write: line => lines.push(line) }),
  });
  t.teardown(() => engine[Symbol.asyncDispose]());
  await engine.client.create('one', serviceRequest('true'));
  await t.rejects(engine.client.start('one'), { message: /conmon gave no reason/ });
  t.match(await engine.client.inspect('one'), {
    status: 'created',
    exitCode: 128,
    error: /conmon gave no reason/,
  });
  t.match(lines.join(''), /could not be cleared away.*crun ENOENT/);
});
