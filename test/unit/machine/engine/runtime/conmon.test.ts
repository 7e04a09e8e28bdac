import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  formatMonitorArguments,
  parseSyncAnswer,
  runtimeFailure,
  openMonitor,
} from '../../../../../src/machine/engine/runtime/conmon.ts';
import { parseDeviceRule } from '../../../../../src/machine/engine/runtime/oci-devices.ts';

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
    await using monitor = await openMonitor({
      ...{ conmon: join(folder, 'conmon'), runtime: join(folder, 'crun'), runtimeArguments: [] },
      ...{ id: 'a', name: 'a', bundle: folder, pidFile: 'p', monitorPidFile: 'm', exitFolder: 'e' },
      ...{ monitorLog: join(folder, 'log'), persistFolder: 'f', logFile: 'l', maxLogBytes: 1 },
      ...{ terminal: false, stdin: false, stdinOnce: false },
    });
    t.equal(await monitor.makeContainer(), 42);
    t.equal(readFileSync(join(folder, 'monitor.pid'), 'utf8'), '43\n');
  },
);
