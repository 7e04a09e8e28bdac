import { labelsText } from '../container/row.ts';
import { endpoint } from '../container/create-network.ts';
import { CommandFailure, forEachName, isNotFound } from '../failure.ts';
import { type Definition, collect, collectFilter, filterQuery } from '../flags.ts';
import { naturalOrder } from '../natural-order.ts';
import { type Row, type RowKind, chooseFormat, formatRows } from '../rows.ts';
import { formatGoTime, shortId } from '../units.ts';
import { pairsOf } from '../volume/volume.ts';

interface ListedNetwork {
  readonly Name: string;
  readonly Id: string;
  readonly Created: string;
  readonly Scope: string;
  readonly Driver: string;
  readonly EnableIPv6: boolean;
  readonly Internal: boolean;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

const NETWORK_ROWS: RowKind = {
  type: '*network.networkContext',
  headers: {
    ID: 'NETWORK ID',
    Name: 'NAME',
    Driver: 'DRIVER',
    Scope: 'SCOPE',
    IPv6: 'IPV6',
    Internal: 'INTERNAL',
    Labels: 'LABELS',
    CreatedAt: 'CREATED AT',
  },
  table: '{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}',
  quiet: '{{.ID}}',
  raw: 'network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n',
  rawQuiet: 'network_id: {{.ID}}',
};

interface ListOptions {
  readonly filter?: readonly string[];
  readonly format?: string;
  readonly trunc: boolean;
  readonly quiet?: boolean;
}

/** The path of a network's resource. */
export function networkPath(nameOrId: string, rest = ''): string {
  return `/networks/${encodeURIComponent(nameOrId)}${rest}`;
}

/** `network ls` */
export const defineNetworkList: Definition = (command, session) => {
  command
    .option('-f, --filter <filter>', 'show those that fit, e.g. driver=bridge', collectFilter)
    .option('--format <string>', 'how to print: table, table TEMPLATE, json or a template')
    .option('--no-trunc', "don't shorten output")
    .option('-q, --quiet', 'only show network ids')
    .runs<ListOptions>(session, async (_, options) => {
      const answer = (await session.client.request('GET', '/networks', {
        query: { filters: filterQuery(options.filter) },
      })) as readonly ListedNetwork[];
      const networks = [...answer].sort((a, b) => naturalOrder(a.Name, b.Name));
      const rows = networks.map(item => networkRow(item, options.trunc));
      await session.print(formatRows(rows, NETWORK_ROWS, chooseFormat(NETWORK_ROWS, options)));
    });
};

function networkRow(item: ListedNetwork, truncates: boolean): Row {
  const labels = item.Labels ?? {};
  const fraction = /(\.\d*[1-9])0*(?:Z|[+-])/.exec(item.Created)?.[1] ?? '';
  return {
    ID: truncates ? shortId(item.Id) : item.Id,
    Name: item.Name,
    Driver: item.Driver,
    Scope: item.Scope,
    IPv6: String(item.EnableIPv6),
    Internal: String(item.Internal),
    Labels: labelsText(labels),
    Label: (key: unknown) => labels[String(key)] ?? '',
    CreatedAt: formatGoTime(new Date(item.Created), fraction),
  };
}

/** `network rm` */
export const defineNetworkRemove: Definition = (command, session) => {
  command
    .operands('NETWORK [NETWORK...]', 1)
    .option('-f, --force', 'say nothing of networks that do not exist')
    .runs<{ readonly force?: boolean }>(session, (names, { force = false }) =>
      forEachName(session, names, async name => {
        try {
          await session.client.request('DELETE', networkPath(name));
        } catch (error) {
          if (force && isNotFound(error)) return undefined;
          throw error;
        }
        return `${name}\n`;
      }),
    );
};

interface ConnectOptions {
  readonly alias?: readonly string[];
  readonly driverOpt?: readonly string[];
  readonly ip?: string;
  readonly ip6?: string;
  readonly link?: readonly string[];
  readonly linkLocalIp?: readonly string[];
}

/** `network connect` */
export const defineNetworkConnect: Definition = (command, session) => {
  command
    .operands('NETWORK CONTAINER', 2, 2)
    .option('--alias <strings>', 'a further name on the network', collect)
    .option('--driver-opt <strings>', 'set an option of the driver', collect)
    .option('--ip <string>', 'IPv4 address')
    .option('--ip6 <string>', 'IPv6 address')
    .option('--link <list>', 'a container to know by name', collect)
    .option('--link-local-ip <strings>', 'link-local address', collect)
    .runs<ConnectOptions>(session, async ([network = '', container = ''], options) => {
      const wish = {
        name: network,
        aliases: options.alias ?? [],
        links: options.link ?? [],
        linkLocalIps: options.linkLocalIp ?? [],
        driverOpts: pairsOf(options.driverOpt ?? []),
        ...(options.ip === undefined ? {} : { ip: options.ip }),
        ...(options.ip6 === undefined ? {} : { ip6: options.ip6 }),
      };
      if ((options.driverOpt ?? []).some(option => !option.includes('='))) {
        throw new CommandFailure(1, 'invalid key/value pair format in driver options');
      }
      // Without addresses Docker's client sends an empty object where `run` sends none.
      const settings = { IPAMConfig: {}, ...removeNull(endpoint(wish, wish.links)) };
      await session.client.request('POST', networkPath(network, '/connect'), {
        body: { Container: container, EndpointConfig: { ...endpoint(wish, wish.links), ...settings } },
      });
    });
};

function removeNull(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null));
}

/** `network disconnect` */
export const defineNetworkDisconnect: Definition = (command, session) => {
  command
    .operands('NETWORK CONTAINER', 2, 2)
    .option('-f, --force', 'also when the container is gone')
    .runs<{ readonly force?: boolean }>(
      session,
      async ([network = '', container = ''], { force = false }) => {
        await session.client.request('POST', networkPath(network, '/disconnect'), {
          body: { Container: container, Force: force },
        });
      },
    );
};
