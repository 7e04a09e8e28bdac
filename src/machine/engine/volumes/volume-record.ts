import { ToolError } from '../../../shared/errors.ts';

/** Everything that is kept of a volume: volume.json in its folder. */
export interface VolumeRecord {
  readonly schema: 1;
  readonly name: string;
  readonly createdAtMs: number;
  /** Made for a container that named none; `docker volume prune` takes these. */
  readonly anonymous: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** The local driver's: `type`, `o`, `device`. None: a plain folder. */
  readonly options: Readonly<Record<string, string>>;
  /** Made or being filled for a container that is not recorded yet; nobody has been told of it. */
  readonly pending: boolean;
}

/** Docker's label of anonymous volumes. */
export const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

/** Reads a record that this or an earlier version wrote. Throws RECORD_MALFORMED (kind integrity). */
export function parseVolumeRecord(value: unknown, file: string): VolumeRecord {
  const record = value as Partial<VolumeRecord> | null;
  const isWhole =
    typeof record === 'object' &&
    record?.schema === 1 &&
    typeof record.name === 'string' &&
    typeof record.createdAtMs === 'number' &&
    isTexts(record.labels) &&
    isTexts(record.options);
  if (!isWhole) {
    throw new ToolError(`reading ${file}: not a volume record of schema 1`, {
      code: 'RECORD_MALFORMED',
      kind: 'integrity',
    });
  }
  return record as VolumeRecord;
}

function isTexts(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every(text => typeof text === 'string')
  );
}
