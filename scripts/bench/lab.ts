/** Virtual machines for measuring: the same kernel, initrd and medium, with another first program each. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type CommandContext } from '../../src/build/cli/context.ts';
import { openBuildHost } from '../../src/build/cli/build-host.ts';
import { IsoReader } from '../../src/build/inspect/iso-reader.ts';
import { loadLock } from '../../src/build/lock/lock-file.ts';
import { packInitrd } from '../../src/build/pack/initrd.ts';
import { type Toolbox, openToolbox } from '../../src/build/tools/toolbox.ts';
import { unpackTools } from '../../src/build/tools/unpack-tools.ts';
import { Tree } from '../../src/build/tree/tree.ts';
import type { Acceleration } from '../../src/build/vm/hardware.ts';
import { type Vm, startVm } from '../../src/build/vm/machine.ts';
import { chooseAcceleration } from '../../src/build/vm/prove-acceleration.ts';
import { type Arch } from '../../src/shared/arch.ts';
import type { BuiltImage } from './built-image.ts';
import type { Workshop } from './workshop.ts';

/** What runs first: the machine itself, or one of its two floors. */
export type Subject = 'machine' | 'node-floor' | 'floor';
/** Where the core is found: on a CD, or in the initrd. */
export type Medium = 'cd' | 'memory';

export interface LabBoot {
  readonly subject: Subject;
  readonly medium: Medium;
  readonly memoryMb: number;
  /** Added to the image's kernel line. */
  readonly words?: string;
  /** Gets what the machine writes to its console, as it comes. */
  readonly onOutput?: (bytes: Uint8Array) => void;
}

export interface Lab {
  readonly acceleration: Acceleration;
  /** Boots, lets `watch` look, and ends the machine by force. */
  boot<T>(boot: LabBoot, watch: (vm: Vm) => Promise<T>): Promise<T>;
}

const FIRST_PROGRAMS: Readonly<Record<Exclude<Subject, 'floor'>, string>> = {
  machine: 'machine.sh',
  'node-floor': 'node-floor.sh',
};
const CPUS = 2;

/** Fetches QEMU if need be. Throws what fetching and unpacking throw; `boot` what packing an initrd throws. */
export async function openLab(
  workshop: Workshop,
  image: BuiltImage,
  arch: Arch,
  accel: 'auto' | Acceleration,
): Promise<Lab> {
  const folder = await mkdtemp(join(workshop.scratch, 'lab-'));
  const toolbox = await openQemu(workshop, image, arch);
  const acceleration = await chooseAcceleration(accel, {
    ...{ toolbox, guestArch: arch, nodeArch: process.arch, signal: workshop.signal },
    cacheFolder: join(workshop.store, 'acceleration'),
  });
  const initrds = await openInitrds(workshop, image, folder);
  let count = 0;
  return {
    acceleration,
    async boot({ subject, medium, memoryMb, words = '', onOutput }, watch) {
      const runFolder = join(folder, `run${count++}`);
      await mkdir(runFolder);
      const commandLine = `${image.commandLine} ${words}`.trim();
      const initrd = await initrds(subject, medium);
      await using vm = await startVm({
        ...{ toolbox, arch, acceleration, runFolder, memoryMb, cpus: CPUS },
        firmware: arch === 'arm64' ? 'uefi' : 'bios',
        boot: { kind: 'kernel', kernel: image.kernel, initrd, commandLine },
        disks: [],
        publish: [],
        extraArguments: medium === 'cd' ? cdDrive(image.iso, arch) : [],
        ...(onOutput === undefined ? {} : { onOutput }),
      });
      return await Promise.race([watch(vm), aborted(workshop.signal)]);
    },
  };
}

/** Rejects when the whole run is ended: no machine is waited for then. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

async function openQemu(workshop: Workshop, image: BuiltImage, arch: Arch): Promise<Toolbox> {
  const context: CommandContext = {
    packageRoot: workshop.packageRoot,
    version: '',
    workingDirectory: workshop.scratch,
    environment: workshop.environment,
    nodeArch: process.arch,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: workshop.signal,
    emit: () => undefined,
    endReport: () => undefined,
  };
  const lock = await loadLock(image.lock);
  if (!lock) throw new Error(`${image.lock}: the build has left no lock`);
  await using host = await openBuildHost(context, { arch });
  const inputs = host.inputs(lock);
  const packages = inputs.toolSet(`vm-${arch}`);
  await inputs.fetchPackages(packages);
  const root = await unpackTools(host.store, packages, { signal: workshop.signal });
  return openToolbox({ root, epoch: lock.epoch, arch: host.hostArch });
}

/** Makes the initrd of a subject and medium when it is asked for: the image's own with files behind it that replace or add. */
async function openInitrds(
  workshop: Workshop,
  image: BuiltImage,
  folder: string,
): Promise<(subject: Subject, medium: Medium) => Promise<string>> {
  const fromMedium = join(folder, 'initrd.cd');
  await using iso = await IsoReader.open(image.iso);
  const initrd = await iso.read(`slipway/${image.record.buildId}/initrd`, 1 << 30);
  if (!initrd) throw new Error(`${image.iso} has no initrd where it is looked for`);
  await writeFile(fromMedium, initrd);
  const bases: Readonly<Record<Medium, string>> = { cd: fromMedium, memory: image.initrd };
  const early = await readFile(join(workshop.packageRoot, 'init/early'), 'utf8');
  const make = async (subject: Subject, medium: Medium): Promise<string> => {
    const addition = join(folder, `addition.${subject}.${medium}`);
    const file = join(folder, `initrd.${subject}.${medium}`);
    await packInitrd({
      segments: [{ tree: await addedFiles(subject, early), compression: 'none' }],
      output: addition,
    });
    for (const [index, part] of [bases[medium], addition].entries()) {
      await pipeline(createReadStream(part), createWriteStream(file, { flags: index === 0 ? 'w' : 'a' }));
    }
    return file;
  };
  const made = new Map<string, Promise<string>>();
  return (subject, medium) => {
    const key = `${subject}.${medium}`;
    const file = made.get(key) ?? make(subject, medium);
    made.set(key, file);
    return file;
  };
}

async function addedFiles(subject: Subject, early: string): Promise<Tree> {
  const tree = new Tree(0);
  const guest = join(import.meta.dirname, 'guest');
  const read = (name: string): Promise<Buffer> => readFile(join(guest, name));
  if (subject === 'floor') {
    tree.file('init', await read('floor.sh'), { mode: 0o755 });
    return tree;
  }
  tree.file('init', startInstead(early, `/run/bench/${FIRST_PROGRAMS[subject]}`), { mode: 0o755 });
  for (const name of (await readdir(guest)).sort()) tree.file(`bench/${name}`, await read(name));
  return tree;
}

/** The early script with another program as PID 1 at its end. Throws where the script is no longer as expected. */
function startInstead(early: string, program: string): string {
  const replace = (text: string, from: string, to: string): string => {
    if (text.split(from).length !== 2) throw new Error(`init/early has not exactly one "${from}"`);
    return text.replace(from, to);
  };
  const copied = replace(early, '\nmark core\n', '\nmark core\ncp -r /bench /run/\n');
  return replace(copied, 'switch_root /new /sbin/init', `switch_root /new /bin/sh ${program}`);
}

function cdDrive(iso: string, arch: Arch): string[] {
  const file = iso.replaceAll(',', ',,');
  return [
    ...['-drive', `if=none,id=cd,media=cdrom,format=raw,readonly=on,file=${file}`],
    ...(arch === 'arm64'
      ? ['-device', 'virtio-scsi-pci', '-device', 'scsi-cd,drive=cd']
      : ['-device', 'ide-cd,drive=cd']),
  ];
}
