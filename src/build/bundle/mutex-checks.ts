import { parseElf } from '../assemble/elf.ts';

/** Abseil's variable for what is done about deadlocks, as its compilers spell it. */
const SYMBOL = '_ZN4absl12_GLOBAL__N_124synch_deadlock_detectionE';
/** Its values: OnDeadlockCycle::kIgnore and kAbort. */
const IGNORE = 0;
const ABORT = 2;
const SYMBOL_BYTES = 24;

/**
 * Turns off, in place, the search for deadlocks that the official Node's mutexes come with: it is meant for builds that
 * are being debugged, takes a table of one megabyte and work with each lock. Answers whether it was there and on; a
 * program without it, or without its symbols, is left alone. Throws ELF_MALFORMED.
 *
 * @param name of the program, for the error
 */
export function disableMutexChecks(program: Uint8Array, name: string): boolean {
  const { sections, segments } = parseElf(program, name);
  const bytes = Buffer.from(program.buffer, program.byteOffset, program.length);
  const symbols = sections.find(section => section.name === '.symtab');
  const names = sections.find(section => section.name === '.strtab');
  if (symbols === undefined || names === undefined) return false;
  const nameAt = bytes.subarray(names.offset, names.offset + names.size).indexOf(`${SYMBOL}\0`);
  if (nameAt < 0) return false;
  for (let at = symbols.offset; at + SYMBOL_BYTES <= symbols.offset + symbols.size; at += SYMBOL_BYTES) {
    if (bytes.readUInt32LE(at) !== nameAt) continue;
    const address = Number(bytes.readBigUInt64LE(at + 8));
    const segment = segments.find(
      one => one.type === 1 && address >= one.address && address + 4 <= one.address + one.fileSize,
    );
    if (segment === undefined || bytes.readBigUInt64LE(at + 16) !== 4n) return false;
    const place = segment.offset + address - segment.address;
    if (bytes.readUInt32LE(place) !== ABORT) return false;
    bytes.writeUInt32LE(IGNORE, place);
    return true;
  }
  return false;
}
