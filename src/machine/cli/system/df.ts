import { type ListedContainer, CONTAINER_ROWS, containerRow } from '../container/row.ts';
import type { Definition } from '../flags.ts';
import { type ListedImage, IMAGE_ROWS, imageRow, repositoryOf } from '../image/list.ts';
import { type Row, type RowKind, chooseFormat, formatRowLists, formatRows } from '../rows.ts';
import { formatSize } from '../units.ts';
import { type ListedVolume, VOLUME_ROWS, volumeRow } from '../volume/volume.ts';

/** GET /system/df */
interface DiskUsage {
  readonly LayersSize?: number;
  readonly Images?: readonly ListedImage[] | null;
  readonly Containers?: readonly ListedContainer[] | null;
  readonly Volumes?: readonly ListedVolume[] | null;
}

const USAGE_ROWS: RowKind = {
  type: '*formatter.diskUsageImagesContext',
  headers: { Type: 'TYPE', TotalCount: 'TOTAL', Active: 'ACTIVE', Size: 'SIZE', Reclaimable: 'RECLAIMABLE' },
  table: '{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}',
};

const IMAGES_TABLE =
  '{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}';
const CONTAINERS_TABLE =
  '{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}';
const VOLUMES_TABLE = '{{.Name}}\t{{.Links}}\t{{.Size}}';
const CACHE_HEADER = 'CACHE ID   CACHE TYPE   SIZE      CREATED   LAST USED   USAGE     SHARED';

interface DiskUsageOptions {
  readonly format?: string;
  readonly verbose?: boolean;
}

/** `system df` */
export const defineDiskUsage: Definition = (command, session) => {
  command
    .option('--format <string>', 'how to print: table, table TEMPLATE, json or a template')
    .option('-v, --verbose', 'show each object')
    .runs<DiskUsageOptions>(session, async (_, { format, verbose = false }) => {
      const usage = (await session.client.request('GET', '/system/df')) as DiskUsage;
      if (verbose) await session.print(formatVerbose(usage, format, session.clock()));
      else
        await session.print(formatRows(usageRows(usage), USAGE_ROWS, chooseFormat(USAGE_ROWS, { format })));
    });
};

function usageRows(usage: DiskUsage): Row[] {
  const images = usage.Images ?? [];
  const containers = usage.Containers ?? [];
  const volumes = usage.Volumes ?? [];
  const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);
  const layers = usage.LayersSize ?? 0;
  const used = sum(
    images
      .filter(image => (image.Containers ?? 0) > 0 && image.Size >= 0 && (image.SharedSize ?? -1) >= 0)
      .map(image => image.Size - (image.SharedSize ?? 0)),
  );
  const isActive = ({ State }: ListedContainer): boolean =>
    ['running', 'paused', 'restarting'].includes(State);
  const written = (items: readonly ListedContainer[]): number => sum(items.map(({ SizeRw = 0 }) => SizeRw));
  const volumeSize = (items: readonly ListedVolume[]): number =>
    sum(items.map(({ UsageData }) => UsageData?.Size ?? 0).filter(size => size >= 0));
  const isUsed = ({ UsageData }: ListedVolume): boolean => (UsageData?.RefCount ?? 0) > 0;
  return [
    usageRow(
      'Images',
      images.length,
      images.filter(image => (image.Containers ?? 0) > 0).length,
      layers,
      layers - used,
    ),
    usageRow(
      'Containers',
      containers.length,
      containers.filter(isActive).length,
      written(containers),
      written(containers.filter(item => !isActive(item))),
    ),
    usageRow(
      'Local Volumes',
      volumes.length,
      volumes.filter(isUsed).length,
      volumeSize(volumes),
      volumeSize(volumes.filter(item => !isUsed(item))),
    ),
    { Type: 'Build Cache', TotalCount: '0', Active: '0', Size: '0B', Reclaimable: '0B' },
  ];
}

function usageRow(Type: string, total: number, active: number, size: number, reclaimable: number): Row {
  const share = size > 0 ? ` (${Math.trunc((reclaimable * 100) / size)}%)` : '';
  return {
    Type,
    TotalCount: String(total),
    Active: String(active),
    Size: formatSize(size, 4),
    Reclaimable: `${formatSize(reclaimable, 4)}${share}`,
  };
}

function formatVerbose(usage: DiskUsage, format: string | undefined, nowMs: number): string {
  const truncates = format === undefined || format === '' || format === 'table';
  const images = (usage.Images ?? []).map(image => verboseImage(image, truncates, nowMs));
  // What a container shares with its image is not its own use of space.
  const containers = (usage.Containers ?? []).map(item =>
    containerRow({ ...item, SizeRootFs: 0 }, truncates, nowMs),
  );
  const volumes = (usage.Volumes ?? []).map(volumeRow);
  const lists = { Images: images, Containers: containers, Volumes: volumes, BuildCache: [] };
  if (format === 'json') return formatRowLists(lists);
  if (!truncates) {
    const kind: RowKind = { type: '*formatter.diskUsageContext', headers: {}, table: '' };
    return formatRows([lists as unknown as Row], kind, format);
  }
  return [
    'Images space usage:\n',
    formatRows(images, IMAGE_ROWS, `table ${IMAGES_TABLE}`),
    'Containers space usage:\n',
    formatRows(containers, CONTAINER_ROWS, `table ${CONTAINERS_TABLE}`),
    'Local Volumes space usage:\n',
    formatRows(volumes, VOLUME_ROWS, `table ${VOLUMES_TABLE}`),
    'Build cache usage: 0B\n',
    `${CACHE_HEADER}\n`,
  ].join('\n');
}

function verboseImage(image: ListedImage, truncates: boolean, nowMs: number): Row {
  const [name] = (image.RepoTags ?? []).filter(tag => tag !== '<none>:<none>');
  const repository = name === undefined ? '<none>' : repositoryOf(name);
  const tag = name === undefined ? '<none>' : name.slice(repository.length + 1);
  return imageRow(image, { repository, tag, digest: '' }, truncates, nowMs);
}
