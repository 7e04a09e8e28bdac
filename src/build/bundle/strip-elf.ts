import { parseElf } from '../assemble/elf.ts';

const PT_LOAD = 1;

/**
 * The part of a program that the kernel and the dynamic loader read: symbols for debuggers, which stand
 * behind it, and the table of sections are cut off. The bytes that are left are the same memory, with
 * the three numbers of the header that told of sections set to zero. Throws ELF_MALFORMED.
 *
 * @param name of the program, for the error
 */
export function stripElf(program: Uint8Array, name: string): Uint8Array {
  const { segments } = parseElf(program, name);
  const end = Math.max(...segments.filter(s => s.type === PT_LOAD).map(s => s.offset + s.fileSize));
  const stripped = program.slice(0, end);
  const view = new DataView(stripped.buffer, stripped.byteOffset, stripped.byteLength);
  view.setBigUint64(40, 0n, true);
  view.setUint16(60, 0, true);
  view.setUint16(62, 0, true);
  return stripped;
}
