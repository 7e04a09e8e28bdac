import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import {
  identifyProcess,
  isRunning,
  readBootId,
  readProcess,
  signalProcess,
} from '../../../../src/machine/host/processes.ts';
import { runProgram, runProgramOrThrow } from '../../../../src/machine/host/run-program.ts';

t.test('a process is known by more than its pid', async t => {
  const boot = readBootId();
  const child = spawn('sleep', ['100']);
  await once(child, 'spawn');
  const identity = identifyProcess(child.pid ?? 0, boot);
  if (identity === undefined) throw new Error('not found');
  t.ok(isRunning(identity, boot));
  t.notOk(isRunning({ ...identity, startTime: '1' }, boot), 'another process with its pid');
  t.notOk(isRunning(identity, 'another boot'));
  t.equal(readProcess(child.pid ?? 0)?.parent, process.pid);
  t.notOk(signalProcess({ ...identity, startTime: '1' }, 9, boot));
  t.ok(signalProcess(identity, 9, boot));
  await once(child, 'exit');
  t.notOk(isRunning(identity, boot));
  t.notOk(signalProcess(identity, 9, boot));
  for (const bad of [0, -1, 1.5, Number.NaN, 2 ** 40]) t.equal(readProcess(bad), undefined);
});

t.test('programs: output, exit codes, limits', async t => {
  t.match(await runProgram(['/bin/sh', '-c', 'echo o; echo e >&2; exit 3'], { timeoutMs: 5000 }), {
    exitCode: 3,
    stdout: 'o\n',
    stderr: 'e\n',
  });
  t.match(await runProgram(['/bin/sh', '-c', 'kill -9 $$'], { timeoutMs: 5000 }), { exitCode: 137 });
  t.equal(
    (await runProgram(['/bin/sh', '-c', 'echo 123456'], { timeoutMs: 5000, keepBytes: 3 })).stdout,
    '123',
  );
  await t.rejects(runProgram(['/no/such'], { timeoutMs: 5000 }), { code: 'PROGRAM_NOT_STARTED' });
  await t.rejects(runProgram(['/bin/sleep', '10'], { timeoutMs: 50 }), { code: 'PROGRAM_TIMEOUT' });
  await t.rejects(
    runProgramOrThrow(['/bin/sh', '-c', 'echo why >&2; exit 1'], 'doing it', { timeoutMs: 5000 }),
    {
      code: 'PROGRAM_FAILED',
      message: 'doing it: why',
    },
  );
});
