import { createHash } from 'node:crypto';
import type { Entry } from '../../../../src/shared/archive/entry.ts';
import { bytesContent } from '../../../../src/shared/archive/entry.ts';
import { writeTar } from '../../../../src/shared/archive/tar.ts';
import type { PackageInput } from '../../../../src/build/assemble/inputs.ts';
import type { Tree } from '../../../../src/build/tree/tree.ts';

export type FileOf =
  string | Uint8Array | { readonly link: string } | { readonly mode: number; readonly text: string };

/** A package with files by path: a text, bytes, a symbolic link, or a text with a mode. */
export function makePackage(
  name: string,
  files: Readonly<Record<string, FileOf>>,
  more: { readonly replaces?: string; readonly scripts?: readonly string[]; readonly version?: string } = {},
): PackageInput {
  const version = more.version ?? '1.0-1';
  const entries = Object.entries(files).map(([path, file]): Entry => {
    const base = { path, mode: 0o644, uid: 0, gid: 0, mtime: 5 };
    if (typeof file === 'string' || file instanceof Uint8Array) {
      return { ...base, kind: 'file', content: bytesContent(file) };
    }
    return 'link' in file
      ? { ...base, kind: 'symlink', mode: 0o777, target: file.link }
      : { ...base, kind: 'file', mode: file.mode, content: bytesContent(file.text) };
  });
  return {
    package: {
      name,
      version,
      arch: 'amd64',
      archive: 'debian',
      path: `pool/main/${name}.deb`,
      sizeBytes: 1,
      sha256: createHash('sha256').update(`${name}${version}`).digest('hex'),
    },
    control: new Map([
      ['package', name],
      ...(more.replaces === undefined ? [] : [['replaces', more.replaces] as const]),
    ]),
    scripts: more.scripts ?? [],
    entries,
  };
}

/** A small 64-bit ELF file: what it needs, its loader, sections such as `.modinfo`, and bytes behind it. */
export function makeElf(
  parts: {
    readonly needed?: readonly string[];
    readonly interpreter?: string;
    readonly sections?: Readonly<Record<string, string>>;
    readonly tail?: string;
  } = {},
): Uint8Array {
  const chunks: Buffer[] = [];
  let size = 64 + 3 * 56;
  const add = (bytes: Buffer): number => {
    const at = size;
    chunks.push(bytes);
    size += bytes.length;
    return at;
  };
  const strings = Buffer.from(`\0${(parts.needed ?? []).map(name => `${name}\0`).join('')}`);
  const stringsAt = add(strings);
  const tags: [number, number][] = (parts.needed ?? []).map(name => [1, strings.indexOf(`\0${name}\0`) + 1]);
  const words = [...tags, [5, stringsAt], [0, 0]].flat();
  const dynamic = Buffer.alloc(words.length * 8);
  words.forEach((word, index) => dynamic.writeBigUInt64LE(BigInt(word), index * 8));
  const dynamicAt = add(dynamic);
  const interpreter = Buffer.from(parts.interpreter ? `${parts.interpreter}\0` : '');
  const interpreterAt = add(interpreter);
  const loadEnd = size;
  const named = Object.entries(parts.sections ?? {}).map(([name, text]) => {
    const bytes = Buffer.from(text, 'latin1');
    return { name, at: add(bytes), size: bytes.length };
  });
  const names = Buffer.from(`\0${named.map(section => `${section.name}\0`).join('')}.shstrtab\0`);
  const namesAt = add(names);
  const all = [...named, { name: '.shstrtab', at: namesAt, size: names.length }];
  const table = Buffer.alloc((all.length + 1) * 64);
  all.forEach((section, index) => {
    const at = (index + 1) * 64;
    table.writeUInt32LE(names.indexOf(`\0${section.name}\0`) + 1, at);
    table.writeUInt32LE(section.name === '.shstrtab' ? 3 : 1, at + 4);
    table.writeBigUInt64LE(BigInt(section.at), at + 24);
    table.writeBigUInt64LE(BigInt(section.size), at + 32);
  });
  const tableAt = add(table);
  if (parts.tail) add(Buffer.from(parts.tail));
  const header = Buffer.alloc(64 + 3 * 56);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(62, 18);
  header.writeBigUInt64LE(64n, 32);
  header.writeBigUInt64LE(BigInt(tableAt), 40);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(3, 56);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(all.length + 1, 60);
  header.writeUInt16LE(all.length, 62);
  const segment = (index: number, type: number, at: number, length: number): void => {
    header.writeUInt32LE(type, 64 + index * 56);
    header.writeBigUInt64LE(BigInt(at), 64 + index * 56 + 8);
    header.writeBigUInt64LE(BigInt(at), 64 + index * 56 + 16);
    header.writeBigUInt64LE(BigInt(length), 64 + index * 56 + 32);
  };
  segment(0, 1, 0, loadEnd);
  segment(1, 2, dynamicAt, dynamic.length);
  segment(2, parts.interpreter ? 3 : 0, interpreterAt, interpreter.length);
  return Buffer.concat([header, ...chunks]);
}

/** A module as the kernel's build makes them. */
export function makeModule(fields: readonly string[]): Uint8Array {
  return makeElf({ sections: { '.modinfo': fields.map(field => `${field}\0`).join('') } });
}

/** Text of a file in a tree, behind links. */
export function textOf(tree: Tree, path: string): string | undefined {
  const entry = tree.lookup(path);
  return entry?.kind === 'file' && entry.content.kind === 'bytes'
    ? Buffer.from(entry.content.bytes).toString('latin1')
    : undefined;
}

/** sha256 of the tree as a tar archive: two trees with the same are the same in every byte. */
export async function digestTree(tree: Tree): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of writeTar(tree.entries())) hash.update(piece);
  return hash.digest('hex');
}
