import { formatHumanDuration } from '../../engine-api/status-text.ts';
import type { Row, RowKind } from '../rows.ts';
import { quoteText } from '../template/quoting.ts';
import { compareText } from '../template/values.ts';
import { formatGoTime, formatSize, shortId, shorten } from '../units.ts';
import { type PortBody, formatPorts } from './ports.ts';

/** A container of GET /containers/json, as far as lists show it. */
export interface ListedContainer {
  readonly Id: string;
  readonly Names: readonly string[] | null;
  readonly Image: string;
  readonly ImageID: string;
  readonly Command: string;
  readonly Created: number;
  readonly Ports?: readonly PortBody[] | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly State: string;
  readonly Status: string;
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, unknown>> | null } | null;
  readonly Mounts?:
    | readonly {
        readonly Type?: string;
        readonly Name?: string;
        readonly Source?: string;
        readonly Driver?: string;
      }[]
    | null;
}

export const CONTAINER_ROWS: RowKind = {
  type: '*formatter.ContainerContext',
  headers: {
    ID: 'CONTAINER ID',
    Names: 'NAMES',
    Image: 'IMAGE',
    Command: 'COMMAND',
    CreatedAt: 'CREATED AT',
    RunningFor: 'CREATED',
    Ports: 'PORTS',
    State: 'STATE',
    Status: 'STATUS',
    Size: 'SIZE',
    Labels: 'LABELS',
    Mounts: 'MOUNTS',
    LocalVolumes: 'LOCAL VOLUMES',
    Networks: 'NETWORKS',
  },
  table: '{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}',
  quiet: '{{.ID}}',
  raw: [
    'container_id: {{.ID}}',
    'image: {{.Image}}',
    'command: {{.Command}}',
    'created_at: {{.CreatedAt}}',
    'state: {{- pad .State 1 0}}',
    'status: {{- pad .Status 1 0}}',
    'names: {{.Names}}',
    'labels: {{- pad .Labels 1 0}}',
    'ports: {{- pad .Ports 1 0}}',
    '',
  ].join('\n'),
  rawQuiet: 'container_id: {{.ID}}',
};

const COMMAND_WIDTH = 20;
const MOUNT_WIDTH = 15;

/** The fields of a container that a format may name. */
export function containerRow(item: ListedContainer, truncates: boolean, nowMs: number): Row {
  const labels = item.Labels ?? {};
  const mounts = item.Mounts ?? [];
  const names = (item.Names ?? []).map(name => name.replace(/^\//, ''));
  return {
    ID: truncates ? shortId(item.Id) : item.Id,
    // An alias of a link holds a slash; a short list shows the container's own name only.
    Names: (truncates ? names.filter(name => !name.includes('/')) : names).join(','),
    Image: imageText(item, truncates),
    Command: quoteText(truncates ? shorten(item.Command, COMMAND_WIDTH) : item.Command),
    CreatedAt: formatGoTime(new Date(item.Created * 1000)),
    RunningFor: `${formatHumanDuration(nowMs - item.Created * 1000)} ago`,
    Ports: formatPorts(item.Ports ?? []),
    State: item.State,
    Status: item.Status,
    Size: sizeText(item),
    Labels: labelsText(labels),
    Label: (key: unknown) => labels[String(key)] ?? '',
    Mounts: mounts
      .map(mount => (mount.Name === undefined || mount.Name === '' ? (mount.Source ?? '') : mount.Name))
      .map(name => (truncates ? shorten(name, MOUNT_WIDTH) : name))
      .join(','),
    LocalVolumes: String(mounts.filter(mount => mount.Driver === 'local').length),
    Networks: Object.keys(item.NetworkSettings?.Networks ?? {})
      .sort(compareText)
      .join(','),
  };
}

/** `a=b,c=d`, sorted. */
export function labelsText(labels: Readonly<Record<string, string>> | null | undefined): string {
  return Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort(compareText)
    .join(',');
}

function imageText(item: ListedContainer, truncates: boolean): string {
  if (item.Image === '') return '<no image>';
  if (!truncates) return item.Image;
  const short = shortId(item.ImageID);
  if (item.ImageID !== '' && short === shortId(item.Image)) return short;
  // A name with a digest is shown without it.
  return item.Image.replace(/@sha256:[0-9a-f]{64}$/, '');
}

function sizeText({ SizeRw = 0, SizeRootFs = 0 }: ListedContainer): string {
  const own = formatSize(SizeRw);
  return SizeRootFs > 0 ? `${own} (virtual ${formatSize(SizeRootFs)})` : own;
}
