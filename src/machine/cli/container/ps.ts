import { type Definition, collectFilter, filterQuery, parseInteger } from '../flags.ts';
import { chooseFormat, formatRows, namesField } from '../rows.ts';
import type { Session } from '../session.ts';
import { CONTAINER_ROWS, type ListedContainer, containerRow } from './row.ts';

interface PsOptions {
  readonly all?: boolean;
  readonly quiet?: boolean;
  readonly size?: boolean;
  readonly trunc: boolean;
  readonly latest?: boolean;
  readonly last?: number;
  readonly format?: string;
  readonly filter?: readonly string[];
}

/** `ps` */
export const definePs: Definition = (command, session) => {
  command
    .option('-a, --all', 'show all containers (only running ones are shown otherwise)')
    .option('-f, --filter <filter>', 'show those that fit, e.g. status=exited', collectFilter)
    .option('--format <string>', 'how to print: table, table TEMPLATE, json or a template')
    .option('-n, --last <int>', 'show that many last created containers', parseInteger)
    .option('-l, --latest', 'show the latest created container')
    .option('--no-trunc', "don't shorten output")
    .option('-q, --quiet', 'only show container ids')
    .option('-s, --size', 'show sizes of files')
    .runs<PsOptions>(session, async (_, options) => {
      await session.print(await ps(session, options));
    });
};

const NOTHING: ListedContainer = {
  Id: '',
  Names: [],
  Image: '',
  ImageID: '',
  Command: '',
  Created: 0,
  State: '',
  Status: '',
};

async function ps(session: Session, options: PsOptions): Promise<string> {
  const { quiet = false, format = '', trunc } = options;
  if (quiet && format !== '') {
    await session.printError('WARNING: Ignoring custom format, because both --format and --quiet are set.\n');
  }
  const limit = options.latest === true && options.last === undefined ? 1 : (options.last ?? -1);
  const kind =
    options.size === true
      ? {
          ...CONTAINER_ROWS,
          table: `${CONTAINER_ROWS.table}\t{{.Size}}`,
          raw: `${CONTAINER_ROWS.raw ?? ''}size: {{.Size}}\n`,
        }
      : CONTAINER_ROWS;
  const chosen = chooseFormat(kind, { format, quiet });
  // Reckoning sizes is work for the engine: it is asked for them only when the format shows them.
  const isTemplate = !quiet && !['', 'table', 'json', 'raw'].includes(format);
  const probe = (): boolean => namesField(format, 'Size', containerRow(NOTHING, true, 0), kind);
  const wantsSize = options.size === true || (isTemplate && probe());
  const items = (await session.client.request('GET', '/containers/json', {
    query: {
      all: options.all === true ? '1' : undefined,
      limit: limit > 0 ? String(limit) : undefined,
      size: wantsSize ? '1' : undefined,
      filters: filterQuery(options.filter),
    },
  })) as ListedContainer[];
  const nowMs = session.clock();
  return formatRows(
    items.map(item => containerRow(item, trunc, nowMs)),
    kind,
    chosen,
  );
}
