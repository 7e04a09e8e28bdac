import { formatHumanDuration } from '../engine-api/status-text.ts';
import type { ContainerListItem } from '../engine-api/bodies.ts';
import type { DockerHttpClient } from '../engine-client/http.ts';
import { formatTable, shorten } from './table.ts';

export interface PsOptions {
  readonly all?: true;
  readonly quiet?: true;
  readonly trunc: boolean;
  readonly latest?: true;
  readonly last?: string;
  readonly filter?: readonly string[];
}

const COMMAND_WIDTH = 20;

/** `system-docker ps`: the text that it prints. */
export async function ps(client: DockerHttpClient, options: PsOptions, nowMs: number): Promise<string> {
  const limit = options.latest === true ? '1' : options.last;
  const filters: Record<string, string[]> = {};
  for (const filter of options.filter ?? []) {
    const [key = '', value = ''] = filter.split(/=(.*)/s);
    (filters[key] ??= []).push(value);
  }
  const items = (await client.request('GET', '/containers/json', {
    query: {
      ...(options.all === true ? { all: '1' } : {}),
      ...(limit === undefined ? {} : { limit }),
      ...(options.filter === undefined ? {} : { filters: JSON.stringify(filters) }),
    },
  })) as ContainerListItem[];
  return formatPs(items, options, nowMs);
}

/** Docker's columns for a list of containers. */
export function formatPs(
  items: readonly ContainerListItem[],
  options: Pick<PsOptions, 'quiet' | 'trunc'>,
  nowMs: number,
): string {
  const idOf = (item: ContainerListItem): string => (options.trunc ? item.Id.slice(0, 12) : item.Id);
  if (options.quiet === true) return items.map(item => `${idOf(item)}\n`).join('');
  return formatTable(
    ['CONTAINER ID', 'IMAGE', 'COMMAND', 'CREATED', 'STATUS', 'PORTS', 'NAMES'],
    items.map(item => [
      idOf(item),
      item.Image,
      JSON.stringify(options.trunc ? shorten(item.Command, COMMAND_WIDTH) : item.Command),
      `${formatHumanDuration(nowMs - item.Created * 1000)} ago`,
      item.Status,
      '',
      item.Names.map(name => name.replace(/^\//, '')).join(','),
    ]),
  );
}
