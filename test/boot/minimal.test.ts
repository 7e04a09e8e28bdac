/** The smallest machine: examples/minimal.yml in 192 MB. */
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { buildArtifacts } from '../support/artifacts.ts';
import { BOOT_TEST_MS, bootMachine } from '../support/boot.ts';

t.setTimeout(BOOT_TEST_MS);
const { iso = '' } = await buildArtifacts(t.testdir(), await readFile('examples/minimal.yml', 'utf8'));

await using machine = await bootMachine({ boot: { kind: 'cd', file: iso }, memoryMb: 192 });
const ready = await machine.ready();
t.equal(ready.name, 'slipway-minimal');
t.same(ready.failed, [], 'nothing failed');
t.equal(ready.up, ready.total);

const { stdout, stderr } = await machine.ssh('id -un; sudo id -un');
t.equal(stdout, 'rancher\nroot\n', stderr);

const memory = await machine.root('cat /proc/meminfo; dmesg');
const mebibytes = (name: string): number =>
  Math.round(Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(memory)?.[1]) / 1024);
t.comment(`${mebibytes('MemTotal')} MB in sight of the system, ${mebibytes('MemAvailable')} MB available`);
t.ok(mebibytes('MemTotal') < 192, 'it has no more than it was given');
t.notMatch(memory, /out of memory|oom-kill/i, 'nothing was killed for want of memory');
