/** Bodies about networks and volumes, from Docker's description of API 1.45. */
import { type Shape, list, map, nullable, optional, ownList, ownMap, record, setOf } from '../shape.ts';

const textMap = map('text');

/** POST /networks/create */
export const NETWORK_CREATED = record({ Id: 'id', Warning: 'text' });

const IPAM_CONFIG = record({
  Subnet: optional('subnet'),
  IPRange: optional('subnet'),
  Gateway: optional('address'),
  AuxiliaryAddresses: optional(textMap),
});

const MEMBER = record({
  Name: 'text',
  EndpointID: 'id',
  MacAddress: 'mac',
  IPv4Address: 'own-text',
  IPv6Address: 'own-text',
});

const NETWORK_FIELDS = {
  Name: 'text',
  Id: 'id',
  Created: 'time',
  Scope: 'text',
  Driver: 'text',
  EnableIPv6: 'bool',
  IPAM: record({ Driver: 'text', Options: nullable(textMap), Config: nullable(list(IPAM_CONFIG)) }),
  Internal: 'bool',
  Attachable: 'bool',
  Ingress: 'bool',
  ConfigFrom: record({ Network: 'text' }),
  ConfigOnly: 'bool',
  Containers: nullable(map(MEMBER)),
  Options: nullable(textMap),
  Labels: nullable(textMap),
} satisfies Record<string, Shape>;

/** GET /networks/{name} */
export const NETWORK = record(NETWORK_FIELDS);
/** That of the machine, where more is running than a test has started. */
export const MACHINE_NETWORK = record({ ...NETWORK_FIELDS, Containers: ownMap(MEMBER) });

/** GET /networks */
export const NETWORKS = setOf(NETWORK);
/** POST /networks/prune */
export const NETWORKS_PRUNED = record({ NetworksDeleted: nullable(setOf('text')) });

/** GET /volumes/{name} */
export const VOLUME = record({
  CreatedAt: 'time',
  Driver: 'text',
  Labels: nullable(textMap),
  Mountpoint: 'path',
  Name: 'text',
  Options: nullable(textMap),
  Scope: 'text',
  Status: optional(ownMap('any')),
  UsageData: optional(record({ RefCount: 'int', Size: 'size' })),
});

/** GET /volumes */
export const VOLUMES = record({ Volumes: nullable(setOf(VOLUME)), Warnings: nullable(list('text')) });
/** POST /volumes/prune */
export const VOLUMES_PRUNED = record({
  VolumesDeleted: nullable(ownList('own-text')),
  SpaceReclaimed: 'size',
});
