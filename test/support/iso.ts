/** ISO 9660 images made in code (ECMA-119). */
export const SECTOR = 2048;

export interface RecordSpec {
  readonly name: string;
  readonly sector: number;
  readonly sizeBytes: number;
  readonly isDirectory?: boolean;
  /** Instead of what it should be. */
  readonly length?: number;
  readonly nameLength?: number;
}

/** A directory record of ECMA-119 9.1. */
export function directoryRecord({
  name,
  sector,
  sizeBytes,
  isDirectory = false,
  length,
  nameLength,
}: RecordSpec): Buffer {
  const bytes = Buffer.alloc(33 + name.length + ((name.length + 1) % 2));
  bytes[0] = length ?? bytes.length;
  bytes.writeUInt32LE(sector, 2);
  bytes.writeUInt32LE(sizeBytes, 10);
  bytes[25] = isDirectory ? 2 : 0;
  bytes[32] = nameLength ?? name.length;
  bytes.write(name, 33, 'latin1');
  return bytes;
}

/** The first two records of a folder: itself, and its parent (here always the root folder in sector 18). */
export const selfRecords = (sector: number, sizeBytes = SECTOR): Buffer[] => [
  directoryRecord({ name: '\0', sector, sizeBytes, isDirectory: true }),
  directoryRecord({ name: '\u0001', sector: 18, sizeBytes: SECTOR, isDirectory: true }),
];

/** An image from sectors by number; the root folder is in sector 18. */
export function isoOf(sectors: Readonly<Record<number, Buffer>>, root: Partial<RecordSpec> = {}): Buffer {
  const last = Math.max(...Object.keys(sectors).map(Number));
  const extra = sectors[last]?.length ?? 0;
  const image = Buffer.alloc(last * SECTOR + Math.max(SECTOR, extra));
  image[16 * SECTOR] = 1;
  image.write('CD001', 16 * SECTOR + 1);
  directoryRecord({ name: '\0', sector: 18, sizeBytes: SECTOR, isDirectory: true, ...root }).copy(
    image,
    16 * SECTOR + 156,
  );
  for (const [sector, bytes] of Object.entries(sectors)) bytes.copy(image, Number(sector) * SECTOR);
  return image;
}

/** An image with the build record of an artifact and nothing else. */
export function isoWithRecord(record: object): Buffer {
  const text = Buffer.from(JSON.stringify(record));
  const folder = (sector: number, spec: Omit<RecordSpec, 'sector'>): Buffer =>
    Buffer.concat([...selfRecords(sector), directoryRecord({ ...spec, sector: sector + 1 })]);
  return isoOf({
    18: folder(18, { name: 'SLIPWAY', sizeBytes: SECTOR, isDirectory: true }),
    19: folder(19, { name: 'B0', sizeBytes: SECTOR, isDirectory: true }),
    20: folder(20, { name: 'BUILD.JSON;1', sizeBytes: text.length }),
    21: text,
  });
}
