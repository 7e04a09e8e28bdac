import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { argumentsOf, eventually, processesWith } from './engine.ts';

/** Where an engine's containers leave traces. */
export interface TraceRoots {
  readonly runRoot: string;
  readonly stateRoot?: string | undefined;
  /** Folder of the cgroup that the engine's own are in. */
  readonly cgroupRoot: string;
}

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);
const foldersIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter(entry => entry.isDirectory())
        .map(entry => entry.name)
    : [];

/** What is only there while something is being made, changed or taken away. */
export function unfinished(root: string): string[] {
  return (readdirSync(root, { recursive: true }) as string[]).filter(
    path =>
      // What containers wrote themselves is theirs.
      !/(^|\/)(upper|work|_data|rootfs)(\/|$)/.test(path) &&
      /\.new$|(^|\/)\.(new|creating|removing)-/.test(path),
  );
}

/** Everything that containers, images and volumes of an engine have on this machine. */
export function tracesOf({ runRoot, stateRoot, cgroupRoot }: TraceRoots): string[] {
  const roots = [runRoot, ...(stateRoot === undefined ? [] : [stateRoot])];
  const isBelow = (path: string): boolean => roots.some(root => path.startsWith(`${root}/`));
  return [
    // .cache is crun's own, of seccomp profiles.
    ...[
      'containers',
      'exits',
      'crun',
      'execs',
      'volumes',
      'netns',
      'views',
      'mounts/boot',
      'mounts/state',
    ].flatMap(name =>
      namesIn(join(runRoot, name))
        .filter(file => file !== '.cache')
        .map(file => `${name}/${file}`),
    ),
    ...roots.flatMap(root =>
      ['containers', 'volumes', 'images', 'layers'].flatMap(name =>
        namesIn(join(root, name))
          .filter(file => file !== 'references.json')
          .map(file => join(root, name, file)),
      ),
    ),
    ...roots.flatMap(root => unfinished(root).map(path => `unfinished ${join(root, path)}`)),
    ...readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map(line => line.split(' ')[4] ?? '')
      // Exit codes have a file system of their own, for as long as the machine runs.
      .filter(point => isBelow(point) && point !== join(runRoot, 'exits'))
      .map(point => `mount ${point}`),
    ...['monitors', 'services', 'user'].flatMap(name =>
      foldersIn(join(cgroupRoot, name)).map(child => `cgroup ${name}/${child}`),
    ),
    ...foldersIn('/sys/block')
      .concat(namesIn('/sys/block'))
      .filter(name => name.startsWith('loop'))
      .map(name => join('/sys/block', name, 'loop/backing_file'))
      .filter(file => existsSync(file) && isBelow(readFileSync(file, 'utf8').trim()))
      .map(file => `loop device ${file}`),
    ...[join(runRoot, 'crun'), ...roots.map(root => join(root, 'layers'))]
      .flatMap(word => processesWith(word))
      .map(pid => `process ${pid} ${argumentsOf(pid)}`),
  ];
}

/** Waits until nothing is left; fails with what there is. */
export async function expectNoTraces(roots: TraceRoots, where: string): Promise<void> {
  let found: readonly string[] = [];
  await eventually(
    `nothing to be left: ${where}`,
    () => {
      found = tracesOf(roots);
      return found.length === 0 ? true : undefined;
    },
    30_000,
  ).catch((error: unknown) => {
    throw new Error(`left, ${where}:\n${found.join('\n')}`, { cause: error });
  });
}
