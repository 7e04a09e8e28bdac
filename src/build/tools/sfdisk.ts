import type { ToolRun, Toolbox } from './toolbox.ts';

export interface Partition {
  /** Counted from 1. */
  readonly number: number;
  readonly startSector: number;
  readonly sectors: number;
  /** Type as sfdisk prints it: a GUID in upper case, or a hexadecimal MBR type. */
  readonly type: string;
}

export interface PartitionTable {
  readonly kind: 'gpt' | 'dos';
  readonly id: string;
  readonly partitions: readonly Partition[];
}

/** The partition table of a disk image. */
export async function readPartitionTable(
  toolbox: Toolbox,
  file: string,
  options: Pick<ToolRun, 'signal'> = {},
): Promise<PartitionTable> {
  const { stdout } = await toolbox.run('sfdisk', ['--json', file], options);
  const { partitiontable } = JSON.parse(stdout) as {
    partitiontable: {
      label: 'gpt' | 'dos';
      id: string;
      partitions?: { node: string; start: number; size: number; type: string }[];
    };
  };
  return {
    kind: partitiontable.label,
    id: partitiontable.id,
    partitions: (partitiontable.partitions ?? []).map(({ node, start, size, type }) => ({
      number: Number(/\d+$/.exec(node)?.[0]),
      startSector: start,
      sectors: size,
      type,
    })),
  };
}
