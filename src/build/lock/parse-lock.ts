import { ARCHES, type Arch } from '../../shared/arch.ts';
import { type Digest, isDigest } from '../../shared/digest.ts';
import { ToolError } from '../../shared/errors.ts';
import {
  type Lock,
  type LockedArch,
  type LockedImage,
  type LockedNode,
  type LockedPackage,
  type LockedSets,
  type LockedSuite,
  packageId,
} from './lock.ts';

const NAME = /^[a-z0-9][a-z0-9+.-]*$/;
const VERSION = /^[0-9A-Za-z.+~:-]{1,200}$/;
const HEX64 = /^[0-9a-f]{64}$/;
const POOL_PATH = /^pool\/(?:[A-Za-z0-9][A-Za-z0-9+~%._:-]*\/)+[A-Za-z0-9][A-Za-z0-9+~%._:-]*\.deb$/;
const ISO_DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z$/;
/** File systems and archives hold times in 32 bits. */
const MAX_EPOCH = 2 ** 32 - 1;
const INTEGRITY = /^sha512-[A-Za-z0-9+/]{86}==$/;

/**
 * Reads a lock from its text; every value is checked, because a lock comes with a stranger's manifest.
 *
 * @param file the lock's name for messages
 * Errors: LOCK_SYNTAX with line and column, LOCK_VERSION, LOCK_MALFORMED with the place inside.
 */
export function parseLock(text: string, file: string): Lock {
  const root = new Place(parseJson(text, file), '', file);
  const version = root.field('lockVersion').value;
  if (version !== 1) {
    throw new ToolError(`reading ${file}: lockVersion ${JSON.stringify(version)} is not known`, {
      code: 'LOCK_VERSION',
      kind: 'unsupported',
      hint: 'use the version of Slipway that wrote it, or run "slipway lock" to write it anew',
    });
  }
  return {
    lockVersion: 1,
    slipway: root.field('slipway').text(/^[0-9A-Za-z.+-]{1,60}$/, 'a version'),
    manifest: root.field('manifest').digest(),
    recipes: root.field('recipes').map(place => place.digest()),
    // Locks of manifests without sources, and older ones, have none.
    files: root.has('files') ? root.field('files').map(place => place.digest(), /^[^]{0,4000}$/u) : {},
    epoch: root.field('epoch').integer(MAX_EPOCH),
    suites: root.field('suites').list(readSuite),
    tools: root.field('tools').byArch(readSets),
    architectures: root.field('architectures').byArch(readArch),
  };
}

function readSuite(place: Place): LockedSuite {
  return {
    archive: readArchive(place.field('archive')),
    suite: place.field('suite').text(NAME, 'the name of a suite'),
    date: readDate(place.field('date')),
    inReleaseSha256: place.field('inReleaseSha256').text(HEX64, '64 hexadecimal digits'),
  };
}

function readDate(place: Place): string {
  const meaning = 'a time such as 2026-09-12T07:55:41.000Z';
  const text = place.text(ISO_DATE, meaning);
  if (Number.isNaN(Date.parse(text))) throw place.fault(`is ${JSON.stringify(text)}; expected ${meaning}`);
  return text;
}

function readSets(place: Place): LockedSets {
  const packages = place.field('packages').map(readPackage);
  for (const [id, pkg] of Object.entries(packages)) {
    if (id !== packageId(pkg)) throw place.field('packages').field(id).fault('its id is another package');
  }
  const sets = place.field('sets').map(set =>
    set.list(id => {
      const text = id.text(/^[^\s]{1,300}$/, 'a package id');
      if (!Object.hasOwn(packages, text)) throw id.fault(`${text} is not among the packages`);
      return text;
    }),
  );
  return { sets, packages };
}

function readArch(place: Place): LockedArch {
  return {
    ...readSets(place),
    node: readNode(place.field('node')),
    images: place.field('images').map(readImage),
  };
}

function readNode(place: Place): LockedNode {
  return {
    npmPackage: place
      .field('npmPackage')
      .text(/^(?:@[a-z0-9-]+\/)?[a-z0-9][a-z0-9._-]*$/, 'the name of a package'),
    version: place.field('version').text(/^\d+\.\d+\.\d+$/, 'a version'),
    integrity: place.field('integrity').text(INTEGRITY, 'an integrity, "sha512-" and base64'),
  };
}

function readPackage(place: Place): LockedPackage {
  const arch = place.field('arch').text(/^(?:all|amd64|arm64)$/, 'an architecture');
  return {
    name: place.field('name').text(NAME, 'the name of a package'),
    version: place.field('version').text(VERSION, 'a version'),
    arch: arch as LockedPackage['arch'],
    archive: readArchive(place.field('archive')),
    path: place.field('path').text(POOL_PATH, 'a path below pool/'),
    sizeBytes: place.field('sizeBytes').integer(),
    sha256: place.field('sha256').text(HEX64, '64 hexadecimal digits'),
  };
}

function readImage(place: Place): LockedImage {
  const manifest = place.field('manifest');
  const config = place.field('config');
  return {
    reference: place.field('reference').text(/^[\x21-\x7e]{1,1000}$/, 'a reference to an image'),
    manifest: {
      digest: manifest.field('digest').digest(),
      mediaType: readMediaType(manifest),
      sizeBytes: manifest.field('sizeBytes').integer(),
    },
    config: { digest: config.field('digest').digest(), sizeBytes: config.field('sizeBytes').integer() },
    layers: place.field('layers').list(layer => ({
      digest: layer.field('digest').digest(),
      mediaType: readMediaType(layer),
      sizeBytes: layer.field('sizeBytes').integer(),
    })),
  };
}

function readMediaType(place: Place): string {
  return place.field('mediaType').text(/^[a-z0-9.+/-]{1,200}$/, 'a media type');
}

function readArchive(place: Place): LockedPackage['archive'] {
  return place.text(/^debian(?:-security)?$/, '"debian" or "debian-security"') as LockedPackage['archive'];
}

/** A value of the lock and where it stands, as a JSON path. */
class Place {
  readonly value: unknown;
  readonly #path: string;
  readonly #file: string;

  constructor(value: unknown, path: string, file: string) {
    this.value = value;
    this.#path = path;
    this.#file = file;
  }

  fault(what: string): ToolError {
    return new ToolError(`reading ${this.#file}: ${this.#path || 'the document'}: ${what}`, {
      code: 'LOCK_MALFORMED',
      kind: 'invalid-input',
      hint: 'run "slipway lock" to write it anew',
    });
  }

  field(name: string): Place {
    const object = this.#object();
    const path = /^[A-Za-z]\w*$/.test(name)
      ? `${this.#path}.${name}`
      : `${this.#path}[${JSON.stringify(name)}]`;
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    return new Place(value, path.replace(/^\./, ''), this.#file);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object(), name);
  }

  text(pattern: RegExp, meaning: string): string {
    if (typeof this.value !== 'string' || !pattern.test(this.value)) throw this.#expected(meaning);
    return this.value;
  }

  digest(): Digest {
    if (!isDigest(this.value)) throw this.#expected('a digest, "sha256:" and 64 hexadecimal digits');
    return this.value;
  }

  integer(largest = Number.MAX_SAFE_INTEGER): number {
    if (typeof this.value !== 'number' || !Number.isSafeInteger(this.value) || this.value < 0) {
      throw this.#expected('a whole number');
    }
    if (this.value > largest) throw this.#expected(`at most ${largest}`);
    return this.value;
  }

  list<T>(read: (place: Place) => T): T[] {
    if (!Array.isArray(this.value)) throw this.#expected('a list');
    return this.value.map((item, index) => read(new Place(item, `${this.#path}[${index}]`, this.#file)));
  }

  map<T>(read: (place: Place) => T, keys = /^\P{Cc}{1,1000}$/u): Record<string, T> {
    const names = Object.keys(this.#object());
    const wrong = names.find(name => !keys.test(name));
    if (wrong !== undefined) throw this.fault(`${JSON.stringify(wrong.slice(0, 100))} is no name`);
    return Object.fromEntries(names.map(name => [name, read(this.field(name))]));
  }

  byArch<T>(read: (place: Place) => T): Partial<Record<Arch, T>> {
    const known: readonly string[] = ARCHES;
    const wrong = Object.keys(this.#object()).find(name => !known.includes(name));
    if (wrong !== undefined) throw this.fault(`${JSON.stringify(wrong.slice(0, 100))} is no architecture`);
    return this.map(read);
  }

  #object(): Readonly<Record<string, unknown>> {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) {
      throw this.#expected('an object');
    }
    return this.value as Readonly<Record<string, unknown>>;
  }

  #expected(meaning: string): ToolError {
    const found = this.value === undefined ? 'is missing' : `is ${JSON.stringify(this.value).slice(0, 80)}`;
    return this.fault(`${found}; expected ${meaning}`);
  }
}

function parseJson(text: string, file: string): unknown {
  const conflict = /^(?:<{7} |={7}$|>{7} )/m.exec(text);
  try {
    if (!conflict) return JSON.parse(text);
  } catch (error) {
    const position = Number(/at position (\d+)/.exec(String(error))?.[1] ?? text.length);
    throw syntaxFault(file, text, position, 'it is not JSON');
  }
  throw syntaxFault(file, text, conflict.index, 'a merge conflict is not resolved');
}

function syntaxFault(file: string, text: string, position: number, what: string): ToolError {
  const before = text.slice(0, position).split('\n');
  return new ToolError(`reading ${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: ${what}`, {
    code: 'LOCK_SYNTAX',
    kind: 'invalid-input',
    hint: 'restore the file, or run "slipway lock" to write it anew',
  });
}
