import { forEachName } from '../failure.ts';
import { type Definition, collect, collectFilter, filterQuery } from '../flags.ts';
import { labelsText } from '../container/row.ts';
import { naturalOrder } from '../natural-order.ts';
import { type Row, type RowKind, chooseFormat, formatRows } from '../rows.ts';
import { formatSize } from '../units.ts';

/** A volume of GET /volumes. */
export interface ListedVolume {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint: string;
  readonly Scope: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly UsageData?: { readonly Size: number; readonly RefCount: number } | null;
}

/** What rows of volumes have. */
export const VOLUME_ROWS: RowKind = {
  type: '*formatter.volumeContext',
  headers: {
    Name: 'VOLUME NAME',
    Group: 'GROUP',
    Driver: 'DRIVER',
    Scope: 'SCOPE',
    Availability: 'AVAILABILITY',
    Mountpoint: 'MOUNTPOINT',
    Labels: 'LABELS',
    Links: 'LINKS',
    Size: 'SIZE',
    Status: 'STATUS',
  },
  table: '{{.Driver}}\t{{.Name}}',
  quiet: '{{.Name}}',
  raw: 'name: {{.Name}}\ndriver: {{.Driver}}\n',
  rawQuiet: 'name: {{.Name}}',
};

/** The fields of a volume that a format may name. */
export function volumeRow(item: ListedVolume): Row {
  const labels = item.Labels ?? {};
  const { UsageData: usage } = item;
  return {
    Name: item.Name,
    Driver: item.Driver,
    Scope: item.Scope,
    Mountpoint: item.Mountpoint,
    Labels: labelsText(labels),
    Label: (key: unknown) => labels[String(key)] ?? '',
    Links: usage === undefined || usage === null ? 'N/A' : String(usage.RefCount),
    Size: usage === undefined || usage === null ? 'N/A' : formatSize(usage.Size, 4),
    // Volumes of a cluster, which there is none of here.
    Group: 'N/A',
    Availability: 'N/A',
    Status: 'N/A',
  };
}

interface ListOptions {
  readonly filter?: readonly string[];
  readonly format?: string;
  readonly quiet?: boolean;
}

/** `volume ls` */
export const defineVolumeList: Definition = (command, session) => {
  command
    .option('-f, --filter <filter>', 'show those that fit, e.g. dangling=true', collectFilter)
    .option('--format <string>', 'how to print: table, table TEMPLATE, json or a template')
    .option('-q, --quiet', 'only show names')
    .runs<ListOptions>(session, async (_, options) => {
      const answer = (await session.client.request('GET', '/volumes', {
        query: { filters: filterQuery(options.filter) },
      })) as { readonly Volumes?: readonly ListedVolume[] | null };
      const volumes = [...(answer.Volumes ?? [])].sort((a, b) => naturalOrder(a.Name, b.Name));
      const format = chooseFormat(VOLUME_ROWS, options);
      await session.print(formatRows(volumes.map(volumeRow), VOLUME_ROWS, format));
    });
};

interface CreateOptions {
  readonly driver: string;
  readonly label?: readonly string[];
  readonly opt?: readonly string[];
}

/** `volume create` */
export const defineVolumeCreate: Definition = (command, session) => {
  command
    .operands('[VOLUME]', 0, 1)
    .option('-d, --driver <string>', 'driver of the volume', 'local')
    .option('--label <list>', 'set a label', collect)
    .option('-o, --opt <map>', 'set an option of the driver', collect)
    .runs<CreateOptions>(session, async ([name], { driver, label, opt }) => {
      const answer = (await session.client.request('POST', '/volumes/create', {
        body: {
          Driver: driver,
          ...(opt === undefined ? {} : { DriverOpts: pairsOf(opt) }),
          ...(label === undefined ? {} : { Labels: pairsOf(label) }),
          ...(name === undefined ? {} : { Name: name }),
        },
      })) as { readonly Name: string };
      await session.print(`${answer.Name}\n`);
    });
};

/** `volume rm` */
export const defineVolumeRemove: Definition = (command, session) => {
  command
    .operands('VOLUME [VOLUME...]', 1)
    .option('-f, --force', 'say nothing of volumes that do not exist')
    .runs<{ readonly force?: boolean }>(session, (names, { force = false }) =>
      forEachName(session, names, async name => {
        const query = { force: force ? '1' : undefined };
        await session.client.request('DELETE', `/volumes/${encodeURIComponent(name)}`, { query });
        return `${name}\n`;
      }),
    );
};

/** `key=value` words as an object. */
export function pairsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map(word => word.split(/=(.*)/s)).map(([key = '', value = '']) => [key, value]),
  );
}
