import { crc32 } from 'node:zlib';

/** An .xz file (one block, CRC32) whose LZMA2 chunks are stored, not compressed: Node has no encoder. */
export function storeAsXz(data: Uint8Array): Buffer {
  const flags = Buffer.from([0x00, 0x01]);
  const streamHeader = Buffer.concat([Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]), flags, crc(flags)]);
  // Size field 2 = 12 bytes; one filter, LZMA2 (0x21), dictionary of 1 MiB (16).
  const blockFields = Buffer.from([0x02, 0x00, 0x21, 0x01, 16, 0, 0, 0]);
  const blockHeader = Buffer.concat([blockFields, crc(blockFields)]);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += 65536) {
    const chunk = data.subarray(at, at + 65536);
    const size = chunk.length - 1;
    chunks.push(Buffer.from([at === 0 ? 0x01 : 0x02, size >> 8, size & 0xff]), chunk);
  }
  chunks.push(Buffer.from([0x00]));
  const compressed = Buffer.concat(chunks);
  const unpaddedSize = blockHeader.length + compressed.length + 4;
  const block = Buffer.concat([blockHeader, compressed, Buffer.alloc(padding(unpaddedSize)), crc(data)]);
  const indexFields = Buffer.concat([Buffer.from([0x00, 0x01]), varint(unpaddedSize), varint(data.length)]);
  const indexPadded = Buffer.concat([indexFields, Buffer.alloc(padding(indexFields.length))]);
  const index = Buffer.concat([indexPadded, crc(indexPadded)]);
  const backward = Buffer.alloc(4);
  backward.writeUInt32LE(index.length / 4 - 1);
  const footerFields = Buffer.concat([backward, flags]);
  return Buffer.concat([streamHeader, block, index, crc(footerFields), footerFields, Buffer.from('YZ')]);
}

function crc(bytes: Uint8Array): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(crc32(bytes));
  return out;
}

function padding(size: number): number {
  return (4 - (size % 4)) % 4;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
