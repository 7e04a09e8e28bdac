import { isSystemError } from '../../../shared/errors.ts';
import { Place } from '../../host/place.ts';
import { MAX_DEPTH, tooDeep } from './copy-tree.ts';
import { makeFolder } from './make-node.ts';

/** As in Go's filepath.EvalSymlinks. */
const MAX_LINKS = 255;

/** Throws where a folder of these names may not be made. */
type MakeCheck = (names: readonly Buffer[]) => void;

/** Something that is mounted in a container. */
export interface ViewMount {
  /** Absolute and clean. */
  readonly destination: string;
  /** Opens what is mounted; undefined when it is not there yet. The caller closes it. */
  readonly open: () => Promise<Place | undefined>;
  readonly readOnly: boolean;
}

/** A file of a container that was found by its path. */
export interface Found extends AsyncDisposable {
  readonly place: Place;
  /** The names that lead to it from the root, without links. */
  readonly names: readonly Buffer[];
}

/**
 * The files of a container as it sees them: its root, and other folders and files where they are mounted.
 * Paths are followed name by name with links meaning what they mean inside, so that none leads out of it,
 * whoever changes the files meanwhile.
 */
export class FileView implements AsyncDisposable {
  readonly #root: Place;
  readonly #mounts: ReadonlyMap<string, ViewMount>;

  private constructor(root: Place, mounts: ReadonlyMap<string, ViewMount>) {
    this.#root = root;
    this.#mounts = mounts;
  }

  /** @param folder the root file system on the host */
  static async open(folder: string, mounts: readonly ViewMount[]): Promise<FileView> {
    const byPath = new Map(mounts.map(mount => [keyOf(namesOf(mount.destination)), mount]));
    return new FileView(await Place.open(folder), byPath);
  }

  /**
   * Makes the folders on which something is mounted, as starting the container would. Only for a root that
   * can be written to.
   */
  async makeMountPoints(): Promise<void> {
    for (const mount of this.#mounts.values()) {
      const names = namesOf(mount.destination);
      await using source = await mount.open();
      if (source?.stat.isDirectory() !== true) continue;
      try {
        await using parent = await this.makeFolders(names.slice(0, -1));
        if (this.mountOf(parent.names)?.readOnly === true) continue;
        const point = await makeFolder(parent.place, names.at(-1) ?? Buffer.alloc(0), 0o755);
        await point[Symbol.asyncDispose]();
      } catch (error) {
        // Then the container cannot be started either, which will say why.
        if (!isSystemError(error, 'EEXIST', 'ENOTDIR', 'EROFS')) throw error;
      }
    }
  }

  /**
   * Finds a file. @param followLast a link at the end stands for what it names
   * Answers undefined when there is no such file.
   */
  async find(path: string, followLast: boolean): Promise<Found | undefined> {
    return this.#walk(namesOf(path), followLast);
  }

  /** Target of the link that was found; undefined when it is none. */
  async linkOf(found: Found): Promise<Buffer | undefined> {
    const name = found.names.at(-1);
    if (name === undefined || !found.place.stat.isSymbolicLink()) return undefined;
    await using parent = await this.#walk(found.names.slice(0, -1), false);
    return await parent?.place.readLink(name);
  }

  /**
   * Finds a folder by its names from the root, following links, and makes what is missing of it.
   * Throws an I/O error where something else is in the way.
   * @param check is asked before a folder is made, with its names; it throws where none may be
   */
  async makeFolders(names: readonly Buffer[], check: MakeCheck = () => undefined): Promise<Found> {
    const found = await this.#walk(names, true, check);
    if (found?.place.stat.isDirectory() === true) return found;
    await found?.[Symbol.asyncDispose]();
    throw Object.assign(new Error(`not a folder: /${keyOf(names)}`), { code: 'ENOTDIR' });
  }

  /** What lies under a name of a folder that was found; undefined when nothing does. */
  async child(folder: Place, folderNames: readonly Buffer[], name: Buffer): Promise<Place | undefined> {
    const mount = this.#mounts.get(keyOf([...folderNames, name]));
    return (await mount?.open()) ?? (await folder.child(name));
  }

  /** What is mounted at just this path; undefined when nothing is, or it is not there yet. */
  async mounted(names: readonly Buffer[]): Promise<Place | undefined> {
    return this.#mounts.get(keyOf(names))?.open();
  }

  /** Whether something is mounted below a folder, which then cannot be taken away. */
  hasMountsBelow(names: readonly Buffer[]): boolean {
    const prefix = `${keyOf(names)}/`;
    return [...this.#mounts.keys()].some(key => key.startsWith(prefix));
  }

  /** The innermost mount that a path without links lies in; undefined for the root. */
  mountOf(names: readonly Buffer[]): ViewMount | undefined {
    for (let length = names.length; length > 0; length -= 1) {
      const mount = this.#mounts.get(keyOf(names.slice(0, length)));
      if (mount !== undefined) return mount;
    }
    return undefined;
  }

  /** The path that a link leads to in the end, or as far as it can be followed. */
  async targetOf(path: string): Promise<string> {
    const trace: Buffer[] = [];
    await using found = await this.#walk(namesOf(path), true, undefined, trace);
    const names = found?.names ?? trace;
    return `/${Buffer.concat(names.flatMap((name, index) => (index === 0 ? [name] : [Buffer.from('/'), name]))).toString()}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#root[Symbol.asyncDispose]();
  }

  /**
   * @param check folders that are missing are made, if it does not throw
   * @param trace is filled with the names of the path as far as links were followed, when nothing is found
   */
  async #walk(
    path: readonly Buffer[],
    followLast: boolean,
    check?: MakeCheck,
    trace: Buffer[] = [],
  ): Promise<Found | undefined> {
    const stack: { readonly name: Buffer; readonly place: Place }[] = [];
    const leave = async (depth: number): Promise<void> => {
      for (const { place } of stack.splice(depth)) await place[Symbol.asyncDispose]();
    };
    let pending = [...path];
    let links = 0;
    try {
      for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
        if (name.equals(UP)) {
          await leave(Math.max(0, stack.length - 1));
          continue;
        }
        const here = stack.at(-1)?.place ?? this.#root;
        const names = stack.map(step => step.name);
        let next = await this.child(here, names, name);
        if (next === undefined && check !== undefined) {
          check([...names, name]);
          next = await makeFolder(here, name, 0o755);
        }
        if (next === undefined) {
          trace.push(...names, name, ...pending);
          return undefined;
        }
        // Each level holds a file descriptor, and the container may have made thousands.
        if (stack.length >= MAX_DEPTH) {
          await next[Symbol.asyncDispose]();
          throw tooDeep();
        }
        if (!next.stat.isSymbolicLink() || (pending.length === 0 && !followLast)) {
          stack.push({ name, place: next });
          continue;
        }
        await next[Symbol.asyncDispose]();
        const target = await here.readLink(name);
        links += 1;
        if (target === undefined || links > MAX_LINKS) return undefined;
        if (target[0] === SLASH) await leave(0);
        pending = [...splitPath(target), ...pending];
      }
      const last = stack.pop();
      const names = [...stack.map(step => step.name), ...(last === undefined ? [] : [last.name])];
      const place = last?.place ?? (await Place.open(this.#root.path));
      return { place, names, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
    } finally {
      await leave(0);
    }
  }
}

const SLASH = 0x2f;
const UP = Buffer.from('..');

/** The names of a path, `.` and empty ones left out; `..` stays, since its meaning depends on links. */
export function namesOf(path: string): Buffer[] {
  return splitPath(Buffer.from(path));
}

function splitPath(path: Buffer): Buffer[] {
  return path
    .toString('latin1')
    .split('/')
    .filter(name => name !== '' && name !== '.')
    .map(name => Buffer.from(name, 'latin1'));
}

function keyOf(names: readonly Buffer[]): string {
  return names.map(name => name.toString('latin1')).join('/');
}
