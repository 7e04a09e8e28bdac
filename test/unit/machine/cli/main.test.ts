import { PassThrough } from 'node:stream';
import t from 'tap';
import { callerEnvironment, runSystemDockerCommand } from '../../../../src/machine/cli/main.ts';
import { COMMANDS } from '../../../../src/machine/cli/command-table.ts';
import type { CliStreams } from '../../../../src/machine/cli/terminal.ts';

async function run(
  words: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = [stdout, stderr].map(stream => stream.setEncoding('utf8').toArray());
  const code = await runSystemDockerCommand(words, {
    streams: { stdin: process.stdin, stdout, stderr } as unknown as CliStreams,
    socketPath: '/nowhere.sock',
    clock: () => 0,
    env,
  });
  stdout.end();
  stderr.end();
  const [out = [], err = []] = await Promise.all(texts);
  return { code, stdout: out.join(''), stderr: err.join('') };
}

t.test('every command can be loaded and has a help', async t => {
  for (const { names, summary } of COMMANDS) {
    for (const name of names) {
      const { code, stdout } = await run([...name.split(' '), '--help']);
      const shown = [...stdout.matchAll(/^ {2}(?:-\w,| {3}) --(\S+)/gm)].map(([, option]) => option);
      t.same(shown, shown.toSorted(), `${name}: options by name`);
      t.equal(code, 0, name);
      t.match(stdout, `Usage:  system-docker ${name}`, name);
      t.match(stdout, summary, name);
    }
  }
});

t.test('words that are no command', async t => {
  t.match(await run(['nope', 'x']), {
    code: 1,
    stderr: "system-docker: 'nope' is not a system-docker command.\nSee 'system-docker --help'\n",
  });
  t.match(await run(['container', 'nope']), { code: 1, stderr: /Usage: {2}system-docker container COMMAND/ });
  t.match(await run([]), { code: 0, stderr: /Usage: {2}system-docker COMMAND/ });
  t.match(await run(['--help']), { code: 0, stdout: /container +Manage containers/ });
  t.match(await run(['--nope', 'ps']), { code: 125, stderr: /^unknown flag: --nope\n/ });
});

t.test('an engine that does not answer', async t => {
  t.match(await run(['ps']), {
    code: 1,
    stderr: /^Cannot connect to system-docker at unix:\/\/\/nowhere.sock: .*\nhint: /,
  });
  t.match(await run(['-H', 'unix:///other.sock', 'ps']), { stderr: /unix:\/\/\/other.sock/ });
  t.match(await run(['ps'], { DOCKER_HOST: 'unix:///third.sock' }), { stderr: /unix:\/\/\/third.sock/ });
  t.match(await run(['-H', 'tcp://1.2.3.4', 'ps']), {
    code: 1,
    stderr: /only unix:\/\/ sockets are supported/,
  });
  t.match(await run(['run', 'x']), { code: 125, stderr: /^system-docker: Cannot connect/ });
});

t.test("the caller's environment, as init/run-node hands it over", async t => {
  t.strictSame(callerEnvironment({ SLIPWAY_CALLER: 'A=b\nB=x=y\nmore\n\nC=\n_=/bin/env' }), {
    A: 'b',
    B: 'x=y\nmore\n',
    C: '',
    _: '/bin/env',
  });
  t.strictSame(callerEnvironment({ HOME: '/root' }), { HOME: '/root' });
});
