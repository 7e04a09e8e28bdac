/**
 * Faults, each injected into a real machine: a line on the console names it, and a person still gets a
 * console (or the machine restarts, where the manifest says so).
 */
import { copyFile, open, readFile } from 'node:fs/promises';
import t from 'tap';
import { buildArtifacts, kernelMedium } from '../support/artifacts.ts';
import { BOOT_TEST_MS, type BootOptions, GENEROUS_MS, bootMachine } from '../support/boot.ts';
import type { TestMachine } from '../support/boot.ts';
import { makeExt4Disk, makeRawSeed } from '../support/disks.ts';

t.setTimeout(BOOT_TEST_MS);
const folder = t.testdir();

interface Fault {
  readonly fault: string;
  /** Must appear on the console. */
  readonly line: RegExp;
}

interface SickMachine {
  readonly machine: string;
  readonly options: () => BootOptions | Promise<BootOptions>;
  readonly faults: readonly Fault[];
  /** What must still come, or not. */
  readonly then: readonly (readonly [what: string, check: (machine: TestMachine) => Promise<void>])[];
}

// In pieces of 64 KB, each of them touched: a single large request would be refused instead of killed.
const EAT = 'BEGIN { x = "eat"; while (length(x) < 65536) x = x x; while (1) eaten[i++] = x }';
const { iso = '' } = await buildArtifacts(
  `${folder}/services`,
  `
name: faults
rescue: shell
kernel: { platforms: [virtio] }
services:
  - { name: udev, image: system-images/udev }
  - { name: network, image: system-images/network }
  - { name: console, image: system-images/console }
  - name: absent
    image: system-images/network
    command: [/usr/bin/no-such-program]
    restart: no
  - name: glutton
    image: system-images/network
    command: [/usr/bin/busybox, awk, '${EAT}']
    limits: { memory: 16M }
    restart: no
    ready: exit
  - name: hog
    image: system-images/network
    after: [glutton]
    command: [/usr/bin/busybox, awk, '${EAT}']
    restart: no
`,
);

const machines: SickMachine[] = [
  {
    machine: 'without network, clock, or a valid seed, and with two disks labelled as state',
    options: async () => ({
      boot: { kind: 'cd', file: iso },
      memoryMb: 256,
      network: false,
      seed: false,
      disks: [
        await makeExt4Disk(`${folder}/state1.img`, 'SLIPWAY_STATE'),
        await makeExt4Disk(`${folder}/state2.img`, 'SLIPWAY_STATE'),
        await makeRawSeed(`${folder}/broken`, {
          userData: '#cloud-config\nhostname: [unclosed\n',
          metaData: '{}\n',
        }),
      ],
      extraArguments: ['-rtc', 'base=1970-01-01'],
    }),
    faults: [
      {
        fault: 'no clock',
        line: /slipway: the clock was before this image was built \(1970-01-01\); it is set to \d{4}-\d\d-\d\d/,
      },
      {
        fault: 'a second disk with the same label',
        line: /slipway: no state is used: \/dev\/vda, \/dev\/vdb are all labelled as state/,
      },
      {
        fault: 'user-data that is not YAML',
        line: /slipway: NoCloud on \/dev\/vdc: user-data:\d+:\d+: .*; it is not used/,
      },
      { fault: 'no NIC', line: /slipway: no network card was found/ },
      {
        fault: 'a service whose program is missing',
        line: /slipway: absent failed: .*no-such-program.*/,
      },
      {
        fault: 'a service that eats more than its limit',
        line: /Memory cgroup out of memory: Killed process \d+ \(busybox\)/,
      },
      {
        fault: 'a service without a limit that eats all memory',
        line: /Out of memory: Killed process \d+ \(busybox\)/,
      },
      { fault: 'the boot ends all the same', line: /\[ready\] faults \S+ services=.*failed=\S*absent\S*/ },
    ],
    then: [['a login prompt on the console', expectLogin]],
  },
  {
    machine: 'with a seed of unknown keys and little memory',
    options: () => ({
      boot: { kind: 'cd', file: iso },
      memoryMb: 192,
      cloudConfig: '#cloud-config\nhostnam: typo\nrancher: { autologn: [ttyS1] }\nhostname: "-not-a-name-"\n',
    }),
    faults: [
      {
        fault: 'an unknown key',
        line: /slipway: NoCloud on .*user-data: "hostnam" is not used by this version/,
      },
      {
        fault: 'an unknown key inside',
        line: /slipway: NoCloud on .*user-data: "rancher\.autologn" is not used/,
      },
      {
        fault: 'a value that cannot be',
        line: /slipway: NoCloud on .*user-data: "hostname" is not a host name/,
      },
      { fault: 'RAM nearly full', line: /Out of memory: Killed process \d+ \(busybox\)/ },
      { fault: 'the boot ends all the same', line: /\[ready\] faults / },
    ],
    then: [
      ['a shell on the console', expectShell],
      [
        'ssh, with system-docker in its first life',
        async machine => {
          const { lives } = JSON.parse(await machine.root('cat /run/slipway/boot.json')) as {
            lives: unknown[];
          };
          if (lives.length !== 1) throw new Error(`system-docker was killed ${lives.length - 1} times`);
        },
      ],
    ],
  },
  {
    machine: 'with a core whose first block is damaged',
    options: async () => corruptCore('superblock', ({ start }) => [start + 8]),
    faults: [
      {
        fault: 'verity refuses it at the mount',
        line: /slipway: the required file system "core" cannot be used: it is damaged .*dm-verity refused/,
      },
    ],
    then: [['the rescue shell', expectShell]],
  },
  {
    machine: 'with a core whose hash tree is damaged',
    options: async () => corruptCore('tree', ({ tree }) => [tree + 5]),
    faults: [
      {
        fault: 'verity refuses it at the mount',
        line: /slipway: the required file system "core" cannot be used: it is damaged .*dm-verity refused/,
      },
    ],
    then: [['the rescue shell', expectShell]],
  },
  {
    machine: 'with a core that is damaged deep inside',
    // One byte in every block of Node's, which is the longest run of data there is.
    options: async () =>
      corruptCore('deep', ({ start, dataBytes }) =>
        Array.from({ length: 400 }, (_, index) => start + Math.floor(dataBytes * (0.4 + index / 4000))),
      ),
    faults: [
      { fault: 'Node cannot be read', line: /slipway: system-docker ended with code/ },
      { fault: 'the damage is named', line: /slipway: the boot medium .*dm-verity refused to read it/ },
    ],
    then: [['the rescue shell', expectShell]],
  },
  withoutNode('login', [
    ['a login prompt on the console', expectLogin],
    [
      'a root shell for who has the password of the kernel line',
      async machine => {
        machine.vm.write('root\n');
        await machine.says(/Password:/);
        machine.vm.write('letmein\n');
        await expectShell(machine);
      },
    ],
  ]),
  withoutNode('shell', [['a root shell on the console', expectShell]]),
  withoutNode('reboot', [
    [
      'a restart',
      async machine => {
        await machine.says(/slipway: rescue: restarting in 10 seconds/);
        if (!(await machine.vm.waitForExit(GENEROUS_MS))) throw new Error('it does not restart');
      },
    ],
  ]),
];

for (const { machine: description, options, faults, then } of machines) {
  await t.test(`a machine ${description}`, async t => {
    await using machine = await bootMachine({ cpus: 1, ...(await options()) });
    try {
      for (const { fault, line } of faults) {
        const [said] = await machine.says(line);
        t.pass(`${fault}: ${said}`);
      }
      for (const [what, check] of then) {
        await check(machine);
        t.pass(what);
      }
    } catch (error) {
      t.comment(machine.vm.console.tail(120).join('\n'));
      throw error;
    }
  });
}

async function expectLogin(machine: TestMachine): Promise<void> {
  machine.vm.write('\n');
  await machine.says(/\blogin: ?$/);
}

/** A shell is what does sums. It is asked again now and then: what is typed before it is there gets lost. */
async function expectShell(machine: TestMachine): Promise<void> {
  let polls = 0;
  await machine.eventually('a shell on the console', async () => {
    if (/\bsum=42\b/.test(machine.consoleText())) return true;
    if (polls++ % 10 === 0) machine.vm.write('echo sum=$((6*7))\n');
    return undefined;
  });
}

/** A machine without services whose Node is no program; its rescue path is `mode`. */
function withoutNode(mode: 'login' | 'shell' | 'reboot', then: SickMachine['then']): SickMachine {
  return {
    machine: `whose Node cannot start, with "rescue: ${mode}"`,
    options: async () => {
      const artifacts = await buildArtifacts(
        `${folder}/${mode}`,
        `
name: no-node
rescue: ${mode}
kernel: { platforms: [virtio] }
files:
  - { path: usr/lib/slipway/runtime/node, contents: rubbish, mode: '0755' }
`,
        { formats: ['kernel+initrd'] },
      );
      return {
        boot: await kernelMedium(artifacts, 'rancher.password=letmein'),
        seed: false,
        network: false,
        memoryMb: 256,
        extraArguments: ['-no-reboot'],
      };
    },
    faults: [
      { fault: 'Node cannot start', line: /slipway: system-docker ended with code \d+; .*\(death 5\)/ },
      { fault: 'it is given up for a while', line: /slipway: system-docker cannot stay up/ },
    ],
    then,
  };
}

/** Where the core lies in the ISO, in bytes. */
interface CoreExtent {
  readonly start: number;
  readonly dataBytes: number;
  /** First hash block, behind the tree's own superblock. */
  readonly tree: number;
}

/** A copy of the ISO with some bytes of its core flipped. */
async function corruptCore(
  name: string,
  bytesOf: (core: CoreExtent) => readonly number[],
): Promise<BootOptions> {
  const file = `${folder}/corrupt-${name}.iso`;
  await copyFile(iso, file);
  await using handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  for (const offset of bytesOf(findCore(await readFile(iso)))) {
    await handle.read(byte, 0, 1, offset);
    byte[0] = (byte[0] ?? 0) ^ 0xff;
    await handle.write(byte, 0, 1, offset);
  }
  return { boot: { kind: 'cd', file }, seed: false, network: false, memoryMb: 256 };
}

/** Finds the one squashfs by its superblock: magic, `bytes_used` at 40, and version 4.0 at 28. */
function findCore(image: Buffer): CoreExtent {
  const found: CoreExtent[] = [];
  for (let start = 0; start < image.length; start += 2048) {
    if (image.readUInt32LE(start) !== 0x73717368 || image.readUInt32LE(start + 28) !== 4) continue;
    const dataBytes = Math.ceil(Number(image.readBigUInt64LE(start + 40)) / 4096) * 4096;
    found.push({ start, dataBytes, tree: start + dataBytes + 4096 });
  }
  const [core, second] = found;
  if (!core || second) throw new Error(`the ISO holds ${found.length} squashfs file systems`);
  return core;
}
