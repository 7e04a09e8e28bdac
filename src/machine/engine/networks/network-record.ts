import { createHash } from 'node:crypto';
import { ToolError } from '../../../shared/errors.ts';
import { parseSubnet } from './address.ts';

/** One subnet of a network. */
export interface AddressPool {
  /** `10.1.0.0/16` */
  readonly subnet: string;
  readonly gateway: string;
  /** Addresses are given out from this part of the subnet only. */
  readonly range?: string;
  /** Addresses that are given to nobody, by name. */
  readonly reserved: Readonly<Record<string, string>>;
}

/** Everything that is kept of a bridge network: ID.json. */
export interface NetworkRecord {
  readonly schema: 1;
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
  /** Name of the bridge on the machine. */
  readonly bridge: string;
  /** IPv4 first. */
  readonly pools: readonly AddressPool[];
  /** The request named its subnets, so that containers may ask for addresses. */
  readonly ownPools: boolean;
  /** No way out of it, and none in. */
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ipv6: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly ipamOptions: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** The networks that always are there. */
export type PredefinedName = 'bridge' | 'host' | 'none';

export const PREDEFINED: readonly PredefinedName[] = ['bridge', 'host', 'none'];

/** The id of a network that always is there: the same everywhere and always, so that nothing has to be kept of it. */
export function predefinedId(name: PredefinedName): string {
  return createHash('sha256').update(`slipway network ${name}`).digest('hex');
}

/** Whether it is the default network: without name lookup, and with addresses of the engine's choice. */
export function isDefaultNetwork({ id }: Pick<NetworkRecord, 'id'>): boolean {
  return id === predefinedId('bridge');
}

/** Reads a record that this or an earlier version wrote. Throws RECORD_MALFORMED (kind integrity). */
export function parseNetworkRecord(value: unknown, file: string): NetworkRecord {
  const record = value as Partial<NetworkRecord> | null;
  const isWhole =
    typeof record === 'object' &&
    record?.schema === 1 &&
    typeof record.id === 'string' &&
    /^[0-9a-f]{64}$/.test(record.id) &&
    typeof record.name === 'string' &&
    typeof record.bridge === 'string' &&
    Array.isArray(record.pools) &&
    (record.pools as readonly Partial<AddressPool>[]).every(
      ({ subnet, gateway }) => parseSubnet(subnet ?? '') !== undefined && typeof gateway === 'string',
    );
  if (!isWhole) {
    throw new ToolError(`reading ${file}: not a network record of schema 1`, {
      code: 'RECORD_MALFORMED',
      kind: 'integrity',
    });
  }
  return record as NetworkRecord;
}
