import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseIoStat, parseNetDev, readCgroupStats } from '../../../../src/machine/host/cgroup-stats.ts';
import { readProcessInfo } from '../../../../src/machine/host/process-list.ts';

t.test('the files of a group', async t => {
  const folder = t.testdir();
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  write('cpu.stat', 'usage_usec 500\nuser_usec 300\nsystem_usec 200\n');
  write('memory.current', '4096\n');
  write('memory.max', 'max\n');
  write('memory.stat', 'anon 1024\ninactive_file 512\n');
  write('memory.events', 'low 0\noom_kill 2\n');
  write('pids.current', '3\n');
  write('pids.max', '50\n');
  write('io.stat', '8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n');
  t.match(await readCgroupStats(folder), {
    cpu: { usage_usec: 500, user_usec: 300, system_usec: 200 },
    memoryBytes: 4096,
    memoryLimitBytes: undefined,
    memory: { anon: 1024, inactive_file: 512 },
    oomKills: 2,
    pids: 3,
    pidsLimit: 50,
    io: [{ major: 8, minor: 16, counters: { rbytes: 1, wbytes: 2 } }],
  });
  mkdirSync(join(folder, 'bare'));
  t.match(await readCgroupStats(join(folder, 'bare')), { memoryBytes: 0, pids: 0, io: [] });
  t.match(await readCgroupStats(join(folder, 'gone')), { memoryBytes: 0 });
  t.same(parseIoStat('garbage\n'), []);
});

t.test('network counters, without the loopback', async t => {
  t.same(
    parseNetDev(
      'Inter-|   Receive\n face |bytes\n    lo:  9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0: 10 2 3 4 0 0 0 0 50 6 7 8 0 0 0 0\n',
    ),
    [
      {
        name: 'eth0',
        ...{ rxBytes: 10, rxPackets: 2, rxErrors: 3, rxDropped: 4 },
        ...{ txBytes: 50, txPackets: 6, txErrors: 7, txDropped: 8 },
      },
    ],
  );
});

t.test('a process as ps shows it', async t => {
  const info = readProcessInfo(process.pid, 1e9);
  t.match(info, { pid: process.pid, parent: process.ppid, uid: process.getuid?.(), state: /[RS]/ });
  t.ok((info?.residentKiB ?? 0) > 1000);
  t.equal(readProcessInfo(2 ** 30, 0), undefined);
});
