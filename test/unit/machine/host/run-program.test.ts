import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runProgram, runProgramOrThrow } from '../../../../src/machine/host/run-program.ts';

t.test('a program that has run to its end', async t => {
  t.same(await runProgram(['/bin/sh', '-c', 'echo out; echo err >&2; exit 3'], { timeoutMs: 60_000 }), {
    exitCode: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  t.match(await runProgram(['/bin/sh', '-c', 'kill -9 $$'], { timeoutMs: 60_000 }), { exitCode: 137 });
  await t.rejects(runProgram(['/no/such'], { timeoutMs: 60_000 }), { code: 'PROGRAM_NOT_STARTED' });
});

t.test('a quiet program is heard when it fails', async t => {
  const quietly = (script: string) =>
    runProgram(['/bin/sh', '-c', script], { timeoutMs: 60_000, quiet: true });
  t.same(await quietly('echo out; echo err >&2'), { exitCode: 0, stdout: '', stderr: '' });
  t.same(await quietly('echo out; echo err >&2; exit 3'), { exitCode: 3, stdout: '', stderr: 'err\n' });
  t.match(await quietly('kill -9 $$'), { exitCode: 137 });
  await t.rejects(
    runProgramOrThrow(['/bin/sh', '-c', 'echo why >&2; exit 1'], 'trying', { timeoutMs: 60_000 }),
    { code: 'PROGRAM_FAILED', message: 'trying: why' },
  );
});

t.test('a quiet program that succeeds is not held up by whoever it leaves with its output', async t => {
  const file = join(t.testdir({}), 'pid');
  const program = ['/bin/sh', '-c', `sleep 600 & echo $! >${file}`];
  t.match(await runProgram(program, { timeoutMs: 60_000, quiet: true }), { exitCode: 0 });
  process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL');
});

t.test('a program that leaves someone with its output is waited for no longer than it may take', async t => {
  const file = join(t.testdir({}), 'pid');
  const program = ['/bin/sh', '-c', `sleep 600 & echo $! >${file}; exec sleep 600`];
  await t.rejects(runProgram(program, { timeoutMs: 500 }), { code: 'PROGRAM_TIMEOUT', kind: 'unavailable' });
  process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL');
});
