import type { NetworkBody } from '../../engine-api/bodies.ts';
import type { EndpointSettings } from '../../engine-api/wire.ts';
import { invalidParameter, noSuchNetwork } from '../docker-errors.ts';
import type { Filters } from './backend.ts';
import { endpointSettings } from './create-body.ts';
import type { Exchange } from './exchange.ts';
import { bool, decodeBody, list, map, struct, text } from './go-json.ts';
import { filtersQuery } from './query.ts';

/** POST /networks/create */
export interface NetworkCreateRequest {
  readonly Name?: string;
  readonly CheckDuplicate?: boolean;
  readonly Driver?: string;
  readonly Scope?: string;
  readonly EnableIPv6?: boolean;
  readonly IPAM?: {
    readonly Driver?: string;
    readonly Options?: Readonly<Record<string, string>>;
    readonly Config?: readonly IpamConfig[];
  };
  readonly Internal?: boolean;
  readonly Attachable?: boolean;
  readonly Ingress?: boolean;
  readonly ConfigOnly?: boolean;
  readonly ConfigFrom?: { readonly Network?: string };
  readonly Options?: Readonly<Record<string, string>>;
  readonly Labels?: Readonly<Record<string, string>>;
}

/** One subnet of a network. */
export interface IpamConfig {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
}

/** What networks need of the engine. */
export interface NetworkBackend {
  list(filters: Filters): Promise<NetworkBody[]>;
  /** With the containers that are in it. */
  inspect(nameOrId: string): Promise<NetworkBody>;
  /** Answers its id. */
  create(request: NetworkCreateRequest): Promise<string>;
  remove(nameOrId: string): Promise<void>;
  connect(network: string, container: string, settings: EndpointSettings): Promise<void>;
  disconnect(network: string, container: string, force: boolean): Promise<void>;
  /** Answers names. */
  prune(filters: Filters): Promise<readonly string[]>;
}

const createRequest = struct<NetworkCreateRequest>('types.NetworkCreateRequest', {
  Name: text(),
  CheckDuplicate: bool,
  Driver: text(),
  Scope: text(),
  EnableIPv6: bool,
  IPAM: struct<NonNullable<NetworkCreateRequest['IPAM']>>('network.IPAM', {
    Driver: text(),
    Options: map(text()),
    Config: list(
      struct<IpamConfig>('network.IPAMConfig', {
        Subnet: text(),
        IPRange: text(),
        Gateway: text(),
        AuxiliaryAddresses: map(text()),
      }),
    ),
  }),
  Internal: bool,
  Attachable: bool,
  Ingress: bool,
  ConfigOnly: bool,
  ConfigFrom: struct<{ Network?: string }>('network.ConfigReference', { Network: text() }),
  Options: map(text()),
  Labels: map(text()),
});

const connectRequest = struct<{ Container?: string; EndpointConfig?: EndpointSettings }>(
  'types.NetworkConnect',
  { Container: text(), EndpointConfig: endpointSettings },
);

const disconnectRequest = struct<{ Container?: string; Force?: boolean }>('types.NetworkDisconnect', {
  Container: text(),
  Force: bool,
});

/** GET /networks */
export async function networkList({ backend, query, reply }: Exchange): Promise<void> {
  const filters = filtersQuery(query, ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type']);
  reply.json(200, await backend.networks.list(filters));
}

/** GET /networks/{name} */
export async function networkInspect({ backend, parameters, query, reply }: Exchange): Promise<void> {
  const { name = '' } = parameters;
  const scope = query.get('scope') ?? '';
  const verbose = query.get('verbose') ?? '';
  if (verbose !== '' && !/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(verbose)) {
    throw invalidParameter(
      `invalid value for verbose: ${verbose}: strconv.ParseBool: parsing ${JSON.stringify(verbose)}: invalid syntax`,
    );
  }
  // The networks of a swarm have another.
  if (scope !== '' && scope !== 'local') throw noSuchNetwork(name);
  reply.json(200, await backend.networks.inspect(name));
}

/** POST /networks/create */
export async function networkCreate({ backend, json, reply }: Exchange): Promise<void> {
  const id = await backend.networks.create(decodeBody(createRequest, await json()));
  reply.json(201, { Id: id, Warning: '' });
}

/** DELETE /networks/{name} */
export async function networkRemove({ backend, parameters, reply }: Exchange): Promise<void> {
  await backend.networks.remove(parameters.name ?? '');
  reply.empty(204);
}

/** POST /networks/{name}/connect */
export async function networkConnect({ backend, parameters, json, reply }: Exchange): Promise<void> {
  const { Container = '', EndpointConfig = {} } = decodeBody(connectRequest, await json());
  await backend.networks.connect(parameters.name ?? '', Container, EndpointConfig);
  reply.empty(200);
}

/** POST /networks/{name}/disconnect */
export async function networkDisconnect({ backend, parameters, json, reply }: Exchange): Promise<void> {
  const { Container = '', Force = false } = decodeBody(disconnectRequest, await json());
  await backend.networks.disconnect(parameters.name ?? '', Container, Force);
  reply.empty(200);
}

/** POST /networks/prune */
export async function networkPrune({ backend, query, reply }: Exchange): Promise<void> {
  const filters = filtersQuery(query, ['label', 'label!', 'until']);
  const names = await backend.networks.prune(filters);
  reply.json(200, { NetworksDeleted: names.length === 0 ? null : names });
}
