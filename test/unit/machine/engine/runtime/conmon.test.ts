import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  type MonitorStart,
  formatMonitorArguments,
  parseSyncAnswer,
  runtimeFailure,
  openMonitor,
} from '../../../../../src/machine/engine/runtime/conmon.ts';
import { parseDeviceRule } from '../../../../../src/machine/engine/runtime/oci-devices.ts';

const CONMON = join(import.meta.dirname, '../../../../../src/machine/engine/runtime/conmon.ts');

/** A start with programs that stand in a folder. */
function startIn(folder: string): MonitorStart {
  return {
    ...{ conmon: join(folder, 'conmon'), runtime: join(folder, 'crun'), runtimeArguments: [] },
    ...{ id: 'a', name: 'a', bundle: folder, pidFile: 'p', monitorPidFile: 'm', exitFolder: 'e' },
    ...{ monitorLog: join(folder, 'log'), persistFolder: 'f', logFile: 'l', maxLogBytes: 1 },
    ...{ terminal: false, stdin: false, stdinOnce: false },
  };
}

t.test("conmon's answers", async t => {
  t.equal(parseSyncAnswer('{"data": 42}'), 42);
  t.equal(parseSyncAnswer('{"pid": 7}'), 7);
  t.throws(
    () =>
      parseSyncAnswer(
        '{"data":-1,"message":"crun: executable file `x` not found in $PATH: No such file or directory\\n"}',
      ),
    {
      code: 'CONTAINER_START_FAILED',
      exitCode: 127,
      message: /^OCI runtime create failed: .*exec: "x": executable file not found in \$PATH/,
    },
  );
  t.throws(() => parseSyncAnswer('not json'), { code: 'CONTAINER_START_FAILED' });
});

t.test('exit codes of what could not be started', async t => {
  t.equal(runtimeFailure('open `/x`: Permission denied').exitCode, 126);
  const notExecutable = 'the path `/etc/passwd` exists but it is not executable: Operation not permitted';
  t.match(runtimeFailure(notExecutable), {
    exitCode: 126,
    message: /exec: "\/etc\/passwd": permission denied$/,
  });
  const folder = 'the path `/etc` is not a regular file: Operation not permitted';
  t.match(runtimeFailure(folder), {
    exitCode: 126,
    message: /exec: "\/etc": is a directory: permission denied$/,
  });
  t.equal(runtimeFailure('open `/x`: No such file or directory').exitCode, 127);
  t.equal(runtimeFailure('mount: Invalid argument').exitCode, 128);
  t.notMatch(runtimeFailure('a\u001b[31mred\u0007').message, /\p{Cc}/u, 'no control characters');
});

t.test("runc's log is read for its errors", async t => {
  const said = [
    'time="2025-01-01T00:00:00Z" level=warning msg="a note"',
    'time="2025-01-01T00:00:00Z" level=error msg="runc create failed: unable to start container process: exec: \\"nope\\": executable file not found in $PATH"',
  ].join('\n');
  t.match(runtimeFailure(said), {
    exitCode: 127,
    message:
      /^OCI runtime create failed: runc create failed: unable to start container process: exec: "nope": executable file not found in \$PATH$/,
  });
  t.match(runtimeFailure('time="x" level=error msg=short').message, /: short$/);
  t.match(runtimeFailure('time="x" level=error msg="\\x1b"').message, /: "\\x1b"$/);
});

t.test('the command line', async t => {
  const words = formatMonitorArguments({
    conmon: '/c',
    runtime: '/r',
    runtimeArguments: ['--root=/x'],
    id: 'ID',
    name: 'web',
    bundle: '/b',
    pidFile: '/p',
    monitorPidFile: '/m',
    monitorLog: '/l',
    exitFolder: '/e',
    persistFolder: '/s',
    logFile: '/log/current',
    maxLogBytes: 100,
    terminal: true,
    stdin: false,
    stdinOnce: false,
  }).join(' ');
  t.match(words, '--runtime /r --runtime-arg --root=/x --bundle /b');
  t.match(words, '--log-path k8s-file:/log/current --log-size-max 100');
  t.match(words, '--terminal');
  t.notMatch(words, '--stdin');
});

t.test('device rules', async t => {
  t.same(parseDeviceRule('c 10:* rw'), { allow: true, type: 'c', major: 10, access: 'rw' });
  t.throws(() => parseDeviceRule('x 1:2 r'), { message: "invalid device cgroup rule format: 'x 1:2 r'" });
});

t.test(
  'the pid of conmon is written once it has answered, whichever of its two processes is faster',
  async t => {
    const conmon = `#!/bin/sh
    (echo '{"data":42}' >&3) &
    sleep 0.5
    echo 43 >"\${0%/*}/monitor.pid"
  `;
    const folder = t.testdir({ conmon, crun: '' });
    for (const name of ['conmon', 'crun']) chmodSync(join(folder, name), 0o755);
    await using monitor = await openMonitor(startIn(folder));
    t.equal(await monitor.makeContainer(), 42);
    t.equal(readFileSync(join(folder, 'monitor.pid'), 'utf8'), '43\n');
  },
);

t.test('whatever keeps a conmon from being started is a failure of the start', async t => {
  const folder = t.testdir({ conmon: '#!/bin/sh\nsleep 1000\n', crun: '', group: { 'cgroup.procs': {} } });
  for (const name of ['conmon', 'crun']) chmodSync(join(folder, name), 0o755);
  const open = (more: Partial<MonitorStart>) => openMonitor({ ...startIn(folder), ...more });
  const failure = (message: RegExp) => ({ code: 'CONTAINER_START_FAILED', exitCode: 128, message });
  await t.rejects(open({ cgroupFolder: join(folder, 'group') }), failure(/^starting .*conmon: .*EISDIR/));
  await t.rejects(open({ monitorLog: join(folder, 'no/log') }), failure(/^starting .*conmon: .*ENOENT/));
});

t.test('so is a lack of file descriptors', async t => {
  const folder = t.testdir({ conmon: '#!/bin/sh\n', crun: '' });
  for (const name of ['conmon', 'crun']) chmodSync(join(folder, name), 0o755);
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import { openMonitor } from ${JSON.stringify(CONMON)};
    const start = JSON.parse(process.argv[1]);
    const taken = [];
    try { for (;;) taken.push(openSync('/dev/null', 'r')); } catch {}
    // The log and what looks at the runtime have room, pipes have not.
    for (const fd of taken.splice(0, 2)) closeSync(fd);
    try { await openMonitor(start); } catch (error) {
      for (const fd of taken) closeSync(fd);
      console.log(error.code, error.message);
      process.exit();
    }`;
  const { stdout } = spawnSync(
    'sh',
    [
      '-c',
      'ulimit -n 256; exec "$@"',
      'sh',
      process.execPath,
      '--input-type=module',
      '-e',
      program,
      JSON.stringify(startIn(folder)),
    ],
    { encoding: 'utf8' },
  );
  t.match(stdout, /^CONTAINER_START_FAILED starting \S+conmon: too many open files$/m);
});
