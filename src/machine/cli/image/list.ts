import { formatHumanDuration } from '../../engine-api/status-text.ts';
import { type Definition, collectFilter, filterQuery } from '../flags.ts';
import { type Row, type RowKind, chooseFormat, formatRows } from '../rows.ts';
import type { Session } from '../session.ts';
import { formatGoTime, formatSize, shortId } from '../units.ts';

/** An image of GET /images/json, as far as lists show it. */
export interface ListedImage {
  readonly Id: string;
  readonly Created: number;
  readonly Size: number;
  readonly SharedSize?: number;
  readonly Containers?: number;
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
}

const COLUMNS = '{{.ID}}\t{{.CreatedSince}}\t{{.Size}}';

/** What rows of images have. */
export const IMAGE_ROWS: RowKind = {
  type: '*formatter.imageContext',
  headers: {
    ID: 'IMAGE ID',
    Repository: 'REPOSITORY',
    Tag: 'TAG',
    Digest: 'DIGEST',
    CreatedSince: 'CREATED',
    CreatedAt: 'CREATED AT',
    Size: 'SIZE',
    Containers: 'CONTAINERS',
    VirtualSize: 'SIZE',
    SharedSize: 'SHARED SIZE',
    UniqueSize: 'UNIQUE SIZE',
  },
  table: `{{.Repository}}\t{{.Tag}}\t${COLUMNS}`,
  quiet: '{{.ID}}',
  raw: [
    'repository: {{.Repository}}',
    'tag: {{.Tag}}',
    'image_id: {{.ID}}',
    'created_at: {{.CreatedAt}}',
    'virtual_size: {{.Size}}',
    '',
  ].join('\n'),
  rawQuiet: 'image_id: {{.ID}}',
};

/** The same with a column for digests. */
const DIGEST_ROWS: RowKind = {
  ...IMAGE_ROWS,
  table: `{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t${COLUMNS}`,
  raw: (IMAGE_ROWS.raw ?? '').replace('image_id', 'digest: {{.Digest}}\nimage_id'),
};

interface ImagesOptions {
  readonly all?: boolean;
  readonly digests?: boolean;
  readonly filter?: readonly string[];
  readonly format?: string;
  readonly trunc: boolean;
  readonly quiet?: boolean;
}

/** `images` */
export const defineImages: Definition = (command, session) => {
  command
    .operands('[REPOSITORY[:TAG]]', 0, 1)
    .option('-a, --all', 'show intermediate images too')
    .option('--digests', 'show digests')
    .option('-f, --filter <filter>', 'show those that fit, e.g. dangling=true', collectFilter)
    .option('--format <string>', 'how to print: table, table TEMPLATE, json or a template')
    .option('--no-trunc', "don't shorten output")
    .option('-q, --quiet', 'only show image ids')
    .runs<ImagesOptions>(session, async ([name], options) => {
      await session.print(await listImages(session, name, options));
    });
};

async function listImages(
  session: Session,
  name: string | undefined,
  options: ImagesOptions,
): Promise<string> {
  const { format = '', quiet = false, digests = false } = options;
  const filters = [...(options.filter ?? []), ...(name === undefined ? [] : [`reference=${name}`])];
  const items = (await session.client.request('GET', '/images/json', {
    query: { all: options.all === true ? '1' : undefined, filters: filterQuery(filters) },
  })) as readonly ListedImage[];
  const kind = digests ? DIGEST_ROWS : IMAGE_ROWS;
  const chosen = chooseFormat(kind, { format, quiet });
  const showsDigest = digests || /\.Digest\b/.test(chosen);
  const rows = items.flatMap(item =>
    imageRows(item, { showsDigest, digests }, options.trunc, session.clock()),
  );
  return formatRows(rows, kind, chosen);
}

const NONE = '<none>';

/** One row for each name of the image. */
function imageRows(
  item: ListedImage,
  shows: { readonly showsDigest: boolean; readonly digests: boolean },
  truncates: boolean,
  nowMs: number,
): Row[] {
  const row = (name: { repository: string; tag: string; digest: string }): Row =>
    imageRow(item, name, truncates, nowMs);
  const tags = Map.groupBy(
    (item.RepoTags ?? []).filter(tag => tag !== '<none>:<none>'),
    repositoryOf,
  );
  const digests = Map.groupBy(
    (item.RepoDigests ?? []).filter(digest => digest !== '<none>@<none>'),
    repositoryOf,
  );
  const rows: Row[] = [];
  for (const [repository, names] of tags) {
    const own = (digests.get(repository) ?? []).map(name => name.slice(repository.length + 1));
    digests.delete(repository);
    for (const name of names) {
      const tag = name.slice(repository.length + 1);
      if (!shows.showsDigest || own.length === 0) rows.push(row({ repository, tag, digest: NONE }));
      else for (const digest of own) rows.push(row({ repository, tag, digest }));
    }
  }
  for (const [repository, names] of digests) {
    // Without the column for digests, one line stands for all of them.
    const shown = shows.digests ? names : names.slice(0, 1);
    for (const name of shown) {
      const digest = shows.digests ? name.slice(repository.length + 1) : '';
      rows.push(row({ repository, tag: NONE, digest }));
    }
  }
  return rows.length > 0 ? rows : [row({ repository: NONE, tag: NONE, digest: NONE })];
}

/** The fields of an image that a format may name. */
export function imageRow(
  item: ListedImage,
  { repository, tag, digest }: { repository: string; tag: string; digest: string },
  truncates: boolean,
  nowMs: number,
): Row {
  const known = (bytes: number | undefined, text: () => string): string =>
    bytes === undefined || bytes < 0 ? 'N/A' : text();
  return {
    ID: truncates ? shortId(item.Id) : item.Id,
    Repository: repository,
    Tag: tag,
    Digest: digest,
    CreatedSince: `${formatHumanDuration(nowMs - item.Created * 1000)} ago`,
    CreatedAt: formatGoTime(new Date(item.Created * 1000)),
    Size: formatSize(item.Size),
    Containers: known(item.Containers, () => String(item.Containers)),
    VirtualSize: formatSize(item.Size, 4),
    SharedSize: known(item.SharedSize, () => formatSize(item.SharedSize ?? 0)),
    UniqueSize: known(item.SharedSize, () => formatSize(item.Size - (item.SharedSize ?? 0))),
  };
}

/** `localhost:5000/x` of `localhost:5000/x:1` or `localhost:5000/x@sha256:…`. */
export function repositoryOf(name: string): string {
  const at = name.indexOf('@');
  const plain = at < 0 ? name : name.slice(0, at);
  const colon = plain.lastIndexOf(':');
  return colon > plain.lastIndexOf('/') ? plain.slice(0, colon) : plain;
}
