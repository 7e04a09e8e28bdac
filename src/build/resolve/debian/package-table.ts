import type { Arch } from '../../../shared/arch.ts';
import { ToolError } from '../../../shared/errors.ts';
import { suggest } from '../../../shared/schema/suggest.ts';
import type { LockedPackage } from '../../lock/lock.ts';
import { type Clause, type Provided, type Relation, parseClauses, parseRelations } from './dependencies.ts';
import { compareVersions, isVersion } from './version.ts';

/** One version of a package that could be chosen. */
export interface Candidate {
  readonly package: LockedPackage;
  readonly suite: string;
  /** Pre-Depends and Depends. */
  readonly depends: readonly Clause[];
  readonly provides: readonly Provided[];
  /** Conflicts and Breaks: what must not be chosen along with it. */
  readonly conflicts: readonly Relation[];
  /** 0 for `required` to 4 for `extra`. */
  readonly priority: number;
}

/** Which signed index a text is. */
export interface TableSource {
  readonly archive: LockedPackage['archive'];
  readonly suite: string;
  readonly arch: Arch;
}

const PROVIDES = '\nProvides: ';
const PRIORITIES = ['required', 'important', 'standard', 'optional', 'extra'];
const SAFE_PATH = /^pool\/(?:[A-Za-z0-9][A-Za-z0-9+~%._:-]*\/)+[A-Za-z0-9][A-Za-z0-9+~%._:-]*\.deb$/;

/** The packages of one suite and architecture: found by name at once, taken apart when asked for. */
export class PackageTable {
  readonly #source: TableSource;
  readonly #text: string;
  /** Starts of paragraphs by package name, and by what they provide. */
  readonly #byName = new Map<string, number[]>();
  readonly #providers = new Map<string, number[]>();
  readonly #candidates = new Map<number, Candidate>();

  /** @param text what `compactIndex` made. Throws INDEX_MALFORMED. */
  constructor(text: string, source: TableSource) {
    this.#text = text;
    this.#source = source;
    let provides = text.indexOf(PROVIDES);
    for (let at = 0; at < text.length;) {
      const end = paragraphEnd(text, at);
      const lineEnd = text.indexOf('\n', at);
      if (!text.startsWith('Package: ', at)) throw this.#fault('a paragraph does not begin with its name');
      push(this.#byName, text.slice(at + 'Package: '.length, lineEnd), at);
      if (provides >= 0 && provides < end) {
        const fieldEnd = text.indexOf('\n', provides + 1);
        for (const part of text.slice(provides + PROVIDES.length, fieldEnd).split(',')) {
          push(this.#providers, /^[^\s(:]*/.exec(part.trim())?.[0] ?? '', at);
        }
        provides = text.indexOf(PROVIDES, fieldEnd);
      }
      at = end + 2;
    }
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Names of all packages, in the order of the index. */
  names(): Iterable<string> {
    return this.#byName.keys();
  }

  /** Versions of a package by its own name. */
  named(name: string): Candidate[] {
    return (this.#byName.get(name) ?? []).map(at => this.#candidate(at));
  }

  /** Packages that provide a name. */
  providing(name: string): Candidate[] {
    return (this.#providers.get(name) ?? []).map(at => this.#candidate(at));
  }

  #candidate(at: number): Candidate {
    const known = this.#candidates.get(at);
    if (known) return known;
    const fields = new Map<string, string>();
    for (const line of this.#text.slice(at, paragraphEnd(this.#text, at)).split('\n')) {
      const colon = line.indexOf(':');
      fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    const candidate = this.#read(fields);
    this.#candidates.set(at, candidate);
    return candidate;
  }

  #read(fields: ReadonlyMap<string, string>): Candidate {
    const { archive, suite, arch } = this.#source;
    const get = (name: string): string => fields.get(name) ?? '';
    const name = get('Package');
    const version = get('Version');
    const packageArch = get('Architecture') === 'all' ? 'all' : arch;
    const isSound =
      /^[a-z0-9][a-z0-9+.-]*$/.test(name) &&
      isVersion(version) &&
      ['all', arch].includes(get('Architecture')) &&
      SAFE_PATH.test(get('Filename')) &&
      /^\d{1,12}$/.test(get('Size')) &&
      /^[0-9a-f]{64}$/.test(get('SHA256'));
    if (!isSound) throw this.#fault(`the package ${JSON.stringify(name.slice(0, 80))} has a malformed field`);
    const where = `${name} ${version} in ${suite}`;
    const priority = PRIORITIES.indexOf(get('Priority'));
    return {
      package: {
        name,
        version,
        arch: packageArch,
        archive,
        path: get('Filename'),
        sizeBytes: Number(get('Size')),
        sha256: get('SHA256'),
      },
      suite,
      depends: [
        ...parseClauses(get('Pre-Depends'), `${where}, Pre-Depends`),
        ...parseClauses(get('Depends'), `${where}, Depends`),
      ],
      provides: parseRelations(get('Provides'), `${where}, Provides`).map(
        ({ name: provided, version: at }) => ({
          name: provided,
          ...(at === undefined ? {} : { version: at }),
        }),
      ),
      conflicts: [
        ...parseRelations(get('Conflicts'), `${where}, Conflicts`),
        ...parseRelations(get('Breaks'), `${where}, Breaks`),
      ],
      priority: priority < 0 ? PRIORITIES.length - 1 : priority,
    };
  }

  #fault(what: string): ToolError {
    return new ToolError(`reading the index of ${this.#source.suite} for ${this.#source.arch}: ${what}`, {
      code: 'INDEX_MALFORMED',
      kind: 'invalid-input',
    });
  }
}

/** Several tables as one: what a resolver chooses from. */
export interface Catalog {
  /** Versions of a package, newest first; of equal ones the first table's. */
  named(name: string): readonly Candidate[];
  /** Packages other than of that name that provide it, the more important first, then by name. */
  providing(name: string): readonly Candidate[];
  /** The package whose name is most like this one, which no package has; undefined where none is near. */
  nearest(name: string): string | undefined;
}

/** Names that differ more in length are not meant. */
const MAX_LENGTH_DIFFERENCE = 3;

/** Joins the tables of several suites. Only the newest version of a provider counts. */
export function joinTables(tables: readonly PackageTable[]): Catalog {
  const names = new Map<string, readonly Candidate[]>();
  const named = (name: string): readonly Candidate[] => {
    const known = names.get(name);
    if (known) return known;
    const found = tables
      .flatMap(table => table.named(name))
      .sort((a, b) => compareVersions(b.package.version, a.package.version))
      .filter((one, index, all) => one.package.version !== all[index - 1]?.package.version);
    names.set(name, found);
    return found;
  };
  return {
    named,
    providing: name =>
      [...new Set(tables.flatMap(table => table.providing(name)))]
        .filter(one => one.package.name !== name && named(one.package.name)[0] === one)
        .sort((a, b) => a.priority - b.priority || (a.package.name < b.package.name ? -1 : 1)),
    nearest: name => {
      const difference = (other: string): number => Math.abs(other.length - name.length);
      const likely = new Set<string>();
      for (const table of tables) {
        for (const other of table.names())
          if (other.startsWith(name.slice(0, 1)) && difference(other) <= MAX_LENGTH_DIFFERENCE)
            likely.add(other);
      }
      const sorted = [...likely].sort((a, b) => difference(a) - difference(b) || (a < b ? -1 : 1));
      return suggest(name, sorted);
    },
  };
}

function paragraphEnd(text: string, at: number): number {
  const end = text.indexOf('\n\n', at);
  return end < 0 ? text.length - 1 : end;
}

function push(map: Map<string, number[]>, key: string, value: number): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
