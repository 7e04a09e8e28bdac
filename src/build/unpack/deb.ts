import { createReadStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Entry } from '../../shared/archive/entry.ts';
import { readTar } from '../../shared/archive/tar.ts';
import { canonicalJson } from '../../shared/digest.ts';
import { ToolError } from '../../shared/errors.ts';
import { openFileAccess } from '../../shared/fs/file-access.ts';
import type { LockedPackage } from '../lock/lock.ts';
import { type Store, resultKey } from '../store/store.ts';
import { type ArMember, readAr } from './ar.ts';
import { type Paragraph, parseDeb822 } from './deb822.ts';
import { type Compression, decompress } from './decompress.ts';
import { DecompressPool } from './decompress-pool.ts';

/** A Debian package, read without running anything of it. */
export interface Deb {
  readonly package: LockedPackage;
  /** Fields of its control file, names in lower case. */
  readonly control: Paragraph;
  /** Names of the maintainer scripts it carries (`preinst`, `postinst`, `prerm`, `postrm`, `config`), sorted. */
  readonly scripts: readonly string[];
  /** Its configuration files, paths relative to the root. */
  readonly conffiles: readonly string[];
  /** Its files in the archive's order; contents are slices of a file in the store. */
  readonly entries: readonly Entry[];
}

export interface UnpackOptions {
  readonly signal?: AbortSignal;
  /** Threads for xz; default: as many as there are processors, at most 4. */
  readonly threads?: number;
}

/** Changes when what is kept of an unpacked package changes. */
const FORMAT = 1;
const SCRIPTS = ['config', 'postinst', 'postrm', 'preinst', 'prerm'];
const MAX_CONTROL_BYTES = 16 * 1024 ** 2;
const MAX_DATA_BYTES = 4 * 1024 ** 3;
const MAX_ENTRIES = 200_000;

/** What the store keeps beside `data.tar`. */
interface KeptControl {
  readonly control: string;
  readonly scripts: readonly string[];
  readonly conffiles: string;
}

/**
 * Reads a package whose `.deb` is in the store. The unpacked archive is kept there as a result, so
 * that a second read costs only its headers. For many packages call `unpackDebs` first.
 *
 * A package is refused (DEB_MALFORMED) when its members are not `debian-binary`, `control.tar*`,
 * `data.tar*` in that order, when its name, version or architecture are not the locked ones, when it
 * holds a device node, a FIFO or a hard link to something that is not an earlier file of its own.
 * Other errors: BLOB_MISSING, AR_MALFORMED, CONTROL_MALFORMED, TAR_*, DECOMPRESS_*.
 */
export async function readDeb(store: Store, pkg: LockedPackage, options: UnpackOptions = {}): Promise<Deb> {
  await using pool = new DecompressPool(1);
  const folder = await unpackDeb(store, pkg, pool, options.signal);
  const kept = JSON.parse(await readFile(join(folder, 'control.json'), 'utf8')) as KeptControl;
  const name = debName(pkg);
  const [control, ...more] = parseDeb822(kept.control, `${name} (control)`);
  const said = ['package', 'version', 'architecture'].map(field => control?.get(field) ?? '');
  if (!control || more.length > 0 || said.join(' ') !== `${pkg.name} ${pkg.version} ${pkg.arch}`) {
    throw malformed(pkg, `its control file says ${said.join(' ')}`);
  }
  const conffiles = kept.conffiles.split('\n').map(line => line.replace(/^remove-on-upgrade /, '').trim());
  return {
    package: pkg,
    control,
    scripts: kept.scripts,
    conffiles: conffiles.filter(Boolean).map(path => path.replace(/^\/+/, '')),
    entries: await readEntries(join(folder, 'data.tar'), pkg),
  };
}

/** Unpacks packages side by side, so that reading them afterwards is quick. Errors as `readDeb`. */
export async function unpackDebs(
  store: Store,
  packages: readonly LockedPackage[],
  options: UnpackOptions = {},
): Promise<void> {
  const threads = options.threads ?? Math.min(4, availableParallelism());
  await using pool = new DecompressPool(threads);
  // The largest first, so that it does not run alone at the end.
  const waiting = [...packages].sort((a, b) => a.sizeBytes - b.sizeBytes);
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const work = async (): Promise<void> => {
    for (let pkg = waiting.pop(); pkg; pkg = waiting.pop()) {
      signal.throwIfAborted();
      await unpackDeb(store, pkg, pool, signal);
    }
  };
  // One more than threads: control files are read while the threads are busy.
  const workers = Array.from({ length: threads + 1 }, () =>
    work().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  const results = await Promise.allSettled(workers);
  const fault = results.find(result => result.status === 'rejected');
  if (fault) throw signal.reason ?? fault.reason;
}

/** The folder in the store with `data.tar` and `control.json`. */
async function unpackDeb(
  store: Store,
  pkg: LockedPackage,
  pool: DecompressPool,
  signal: AbortSignal | undefined,
): Promise<string> {
  const key = resultKey('deb', { format: FORMAT, sha256: pkg.sha256 });
  const made = await store.result(key, async folder => {
    const path = await store.blobs.require(`sha256:${pkg.sha256}`, debName(pkg));
    const file = await openFileAccess(path);
    let members: readonly ArMember[];
    let version: Uint8Array;
    try {
      members = await readAr(file, debName(pkg));
      version = await file.readAt(members[0]?.offset ?? 0, Math.min(64, members[0]?.sizeBytes ?? 0));
    } finally {
      await file.close();
    }
    // deb(5): members whose names start with an underscore may stand before data.tar and are passed over.
    const [binary, control, data, ...more] = members.filter(member => !member.name.startsWith('_'));
    if (
      binary !== members[0] ||
      binary?.name !== 'debian-binary' ||
      !/^2\.\d+\n/.test(Buffer.from(version).toString('latin1'))
    ) {
      throw malformed(pkg, 'it does not begin with "debian-binary" of format 2');
    }
    const controlCompression = compressionOf(control?.name, 'control.tar');
    const dataCompression = compressionOf(data?.name, 'data.tar');
    if (!control || !data || !controlCompression || !dataCompression || more.length > 0) {
      throw malformed(pkg, 'its members are not control.tar and data.tar in a compression that dpkg knows');
    }
    await mkdir(folder);
    const kept = await readControl(path, control, controlCompression, pkg);
    await writeFile(join(folder, 'control.json'), canonicalJson(kept), { flush: true });
    const output = join(folder, 'data.tar');
    await pool.run(
      {
        name: debName(pkg),
        input: path,
        offset: data.offset,
        sizeBytes: data.sizeBytes,
        compression: dataCompression,
        output,
        maxBytes: MAX_DATA_BYTES,
      },
      signal,
    );
    await readEntries(output, pkg);
  });
  return made.path;
}

function compressionOf(member: string | undefined, base: string): Compression | undefined {
  switch (member) {
    case base:
      return 'none';
    case `${base}.gz`:
      return 'gzip';
    case `${base}.xz`:
      return 'xz';
    case `${base}.zst`:
      return 'zstd';
    default:
      return undefined;
  }
}

async function readControl(
  path: string,
  member: ArMember,
  compression: Compression,
  pkg: LockedPackage,
): Promise<KeptControl> {
  const name = `${debName(pkg)} (control.tar)`;
  const source = createReadStream(path, { start: member.offset, end: member.offset + member.sizeBytes - 1 });
  const texts = new Map<string, string>();
  for await (const entry of readTar(decompress(compression, source, { name, maxBytes: MAX_CONTROL_BYTES }), {
    name,
    limits: { maxEntries: 200, maxFileBytes: MAX_CONTROL_BYTES },
  })) {
    if (entry.kind === 'file' && entry.content.kind === 'bytes') {
      texts.set(entry.path, Buffer.from(entry.content.bytes).toString('utf8'));
    }
  }
  const control = texts.get('control');
  if (control === undefined) throw malformed(pkg, 'it has no control file');
  return {
    control,
    scripts: SCRIPTS.filter(script => texts.has(script)),
    conffiles: texts.get('conffiles') ?? '',
  };
}

async function readEntries(file: string, pkg: LockedPackage): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  const files = new Set<string>();
  for await (const entry of readTar(await openFileAccess(file), {
    name: debName(pkg),
    contents: { file },
    limits: { maxEntries: MAX_ENTRIES },
  })) {
    switch (entry.kind) {
      case 'char-device':
      case 'block-device':
      case 'fifo':
        throw malformed(pkg, `${entry.path} is a ${entry.kind}, which no package may bring`);
      case 'hardlink':
        if (!files.has(entry.target)) {
          throw malformed(
            pkg,
            `the hard link ${entry.path} leads to ${entry.target}, which is no earlier file`,
          );
        }
        break;
      case 'file':
        files.add(entry.path);
        break;
      case 'directory':
      case 'symlink':
        break;
    }
    entries.push(entry);
  }
  return entries;
}

function debName(pkg: LockedPackage): string {
  return `${pkg.name}_${pkg.version}_${pkg.arch}.deb`;
}

function malformed(pkg: LockedPackage, fault: string): ToolError {
  return new ToolError(`reading ${debName(pkg)}: ${fault}`, { code: 'DEB_MALFORMED', kind: 'invalid-input' });
}
