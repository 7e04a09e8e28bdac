import { formatHumanDuration } from '../../engine-api/status-text.ts';
import { type Definition } from '../flags.ts';
import { type Row, type RowKind, chooseFormat, formatRows } from '../rows.ts';
import { formatSize, shortId, shorten } from '../units.ts';
import { imagePath } from './image.ts';

interface HistoryItem {
  readonly Id: string;
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Size: number;
  readonly Comment: string;
}

const HISTORY_ROWS: RowKind = {
  type: '*image.historyContext',
  headers: {
    ID: 'IMAGE',
    CreatedSince: 'CREATED',
    CreatedAt: 'CREATED AT',
    CreatedBy: 'CREATED BY',
    Size: 'SIZE',
    Comment: 'COMMENT',
  },
  table: '{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}',
  quiet: '{{.ID}}',
};

interface HistoryOptions {
  readonly format?: string;
  readonly human: boolean;
  readonly trunc: boolean;
  readonly quiet?: boolean;
}

const CREATED_BY_WIDTH = 45;

/** `history` */
export const defineHistory: Definition = (command, session) => {
  command
    .operands('IMAGE', 1, 1)
    .option('--format <string>', 'how to print: table, table TEMPLATE, json or a template')
    .option('-H, --human', 'sizes and dates for people', true)
    .option('--no-trunc', "don't shorten output")
    .option('-q, --quiet', 'only show image ids')
    .runs<HistoryOptions>(session, async ([name = ''], options) => {
      const items = await session.client.request('GET', imagePath(name, '/history'));
      const nowMs = session.clock();
      const rows = (items as readonly HistoryItem[]).map(item => historyRow(item, options, nowMs));
      await session.print(formatRows(rows, HISTORY_ROWS, chooseFormat(HISTORY_ROWS, options)));
    });
};

function historyRow(item: HistoryItem, { human, trunc }: HistoryOptions, nowMs: number): Row {
  const created = new Date(item.Created * 1000).toISOString().replace('.000Z', 'Z');
  const by = item.CreatedBy.replaceAll('\t', ' ');
  return {
    ID: trunc ? shortId(item.Id) : item.Id,
    CreatedAt: created,
    CreatedSince: human ? `${formatHumanDuration(nowMs - item.Created * 1000)} ago` : created,
    CreatedBy: trunc ? shorten(by, CREATED_BY_WIDTH) : by,
    Size: human ? formatSize(item.Size) : String(item.Size),
    Comment: item.Comment,
  };
}
