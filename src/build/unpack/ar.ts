import type { RandomAccess } from '../../shared/archive/byte-source.ts';
import { ToolError } from '../../shared/errors.ts';

/** One member of an `ar` archive and where its bytes are. */
export interface ArMember {
  readonly name: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

const MAGIC = '!<arch>\n';
const HEADER_BYTES = 60;
const MAX_MEMBERS = 16;

/**
 * Lists the members of an `ar` archive (System V form, short names, as dpkg writes it).
 * Throws AR_MALFORMED, with `name` in the message.
 */
export async function readAr(file: RandomAccess, name: string): Promise<readonly ArMember[]> {
  const fault = (what: string): ToolError =>
    new ToolError(`reading ${name}: ${what}`, { code: 'AR_MALFORMED', kind: 'invalid-input' });
  const magic = await file.readAt(0, MAGIC.length);
  if (Buffer.from(magic).toString('latin1') !== MAGIC) throw fault('it is not an ar archive');
  const members: ArMember[] = [];
  for (let at = MAGIC.length; at < file.sizeBytes;) {
    const header = Buffer.from(await file.readAt(at, HEADER_BYTES)).toString('latin1');
    const size = /^(\d{1,10}) *$/.exec(header.slice(48, 58))?.[1];
    if (header.length !== HEADER_BYTES || header.slice(58) !== '`\n' || size === undefined) {
      throw fault('a member header is malformed');
    }
    const memberName = header.slice(0, 16).replace(/ +$/, '').replace(/\/$/, '');
    const offset = at + HEADER_BYTES;
    const sizeBytes = Number(size);
    if (offset + sizeBytes > file.sizeBytes)
      throw fault(`its member ${JSON.stringify(memberName)} is cut short`);
    if (members.push({ name: memberName, offset, sizeBytes }) > MAX_MEMBERS)
      throw fault('it has too many members');
    at = offset + sizeBytes + (sizeBytes % 2);
  }
  return members;
}
