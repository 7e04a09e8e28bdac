import { ToolError } from '../../shared/errors.ts';

/** One section of an ELF file. */
export interface ElfSection {
  readonly name: string;
  /** SHT_ value. */
  readonly type: number;
  /** SHF_ bits; bit 1 (2) says that it is loaded. */
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
}

/** One program header. */
export interface ElfSegment {
  /** PT_ value; 1 is LOAD, 2 DYNAMIC, 3 INTERP. */
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
}

export interface ElfFile {
  /** e_machine: 62 is x86-64, 183 AArch64. */
  readonly machine: number;
  readonly sections: readonly ElfSection[];
  readonly segments: readonly ElfSegment[];
}

const MAGIC = 0x464c457f;
const SHT_NOBITS = 8;

/** True when bytes begin as a 64-bit little-endian ELF file does. */
export function isElf(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 64 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
  );
}

/**
 * Reads the headers of a 64-bit little-endian ELF file (System V ABI, chapters 4 and 5). Every offset is
 * checked against the file. Throws ELF_MALFORMED.
 *
 * @param name of the file, for the error
 */
export function parseElf(bytes: Uint8Array, name: string): ElfFile {
  const fail = (what: string): never => {
    throw new ToolError(`reading ${name}: ${what}`, { code: 'ELF_MALFORMED', kind: 'invalid-input' });
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 64 || view.getUint32(0, true) !== MAGIC) fail('it is not an ELF file');
  if (bytes[4] !== 2 || bytes[5] !== 1) fail('it is not a 64-bit little-endian ELF file');
  const number = (offset: number): number => {
    const value = view.getBigUint64(offset, true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) fail('a header holds a number that is too large');
    return Number(value);
  };
  const table = (start: number, entrySize: number, count: number, minimum: number): number[] => {
    if (count === 0) return [];
    if (entrySize < minimum || start + entrySize * count > bytes.length)
      fail('a table of headers is cut off');
    return Array.from({ length: count }, (_, index) => start + index * entrySize);
  };
  const segments = table(number(32), view.getUint16(54, true), view.getUint16(56, true), 56).map(at => ({
    type: view.getUint32(at, true),
    offset: number(at + 8),
    address: number(at + 16),
    fileSize: number(at + 32),
  }));
  for (const segment of segments) {
    if (segment.offset + segment.fileSize > bytes.length) fail('a segment lies outside of the file');
  }
  const raw = table(number(40), view.getUint16(58, true), view.getUint16(60, true), 64).map(at => ({
    nameAt: view.getUint32(at, true),
    type: view.getUint32(at + 4, true),
    flags: Number(view.getBigUint64(at + 8, true) & 0xffff_ffffn),
    address: number(at + 16),
    offset: number(at + 24),
    size: number(at + 32),
  }));
  for (const section of raw) {
    if (section.type !== SHT_NOBITS && section.offset + section.size > bytes.length) {
      fail('a section lies outside of the file');
    }
  }
  const names = raw[view.getUint16(62, true)];
  const sections = raw.map(({ nameAt, ...section }) => ({
    ...section,
    name: names ? readString(bytes, names.offset + nameAt, names.offset + names.size) : '',
  }));
  return { machine: view.getUint16(18, true), sections, segments };
}

/** The bytes of the section with this name; undefined when there is none. */
export function sectionBytes(bytes: Uint8Array, elf: ElfFile, name: string): Uint8Array | undefined {
  const section = elf.sections.find(item => item.name === name && item.type !== SHT_NOBITS);
  return section ? bytes.subarray(section.offset, section.offset + section.size) : undefined;
}

/** Names of the shared libraries that the dynamic section asks for (DT_NEEDED), in its order. */
export function neededLibraries(bytes: Uint8Array, elf: ElfFile): string[] {
  const dynamic = elf.segments.find(segment => segment.type === 2);
  if (!dynamic) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offsets: number[] = [];
  let strings = 0;
  for (let at = dynamic.offset; at + 16 <= dynamic.offset + dynamic.fileSize; at += 16) {
    const tag = Number(view.getBigInt64(at, true));
    const value = Number(view.getBigUint64(at + 8, true));
    if (tag === 0) break;
    if (tag === 1) offsets.push(value);
    if (tag === 5) strings = value;
  }
  const holder = elf.segments.find(
    segment =>
      segment.type === 1 && strings >= segment.address && strings < segment.address + segment.fileSize,
  );
  if (!holder) return [];
  const base = holder.offset + (strings - holder.address);
  return offsets.map(offset => readString(bytes, base + offset, bytes.length));
}

function readString(bytes: Uint8Array, start: number, end: number): string {
  const stop = bytes.subarray(start, Math.min(end, start + 4096)).indexOf(0);
  return Buffer.from(bytes.subarray(start, stop < 0 ? start : start + stop)).toString('latin1');
}
