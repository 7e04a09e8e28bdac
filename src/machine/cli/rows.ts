/** Lists as Docker's client prints them: a table, or each row through a format. */
import { ToolError } from '../../shared/errors.ts';
import { CommandFailure } from './failure.ts';
import { alignColumns } from './tabwriter.ts';
import { compileTemplate } from './template.ts';
import { GO_TYPE, type GoMethod, HIDES_MARKUP, compareText, formatJson } from './template/values.ts';

/** A row: the fields that a format may name. */
export type Row = Readonly<Record<string, string | GoMethod>>;

/** What rows are there for one kind of object. */
export interface RowKind {
  /** The Go type that messages name, e.g. `*formatter.ContainerContext`. */
  readonly type: string;
  /** Names of columns by field. */
  readonly headers: Readonly<Record<string, string>>;
  /** The default table's format, without `table`. */
  readonly table: string;
  readonly quiet?: string;
  /** What `raw` stands for. */
  readonly raw?: string;
  /** What `raw` and --quiet stand for. */
  readonly rawQuiet?: string;
}

export interface RowOptions {
  /** As given with --format; the table when empty. */
  readonly format?: string | undefined;
  readonly quiet?: boolean | undefined;
}

/** The format that a command's options ask for. */
export function chooseFormat(kind: RowKind, { format = '', quiet = false }: RowOptions): string {
  const wantsTable = format === '' || format === 'table';
  if (quiet && (wantsTable || kind.rawQuiet === undefined || format !== 'raw') && kind.quiet !== undefined) {
    return kind.quiet;
  }
  if (wantsTable) return `table ${kind.table}`;
  if (format === 'raw') return (quiet ? kind.rawQuiet : kind.raw) ?? format;
  return format;
}

/**
 * Looks at a format before there are rows, as Docker's client does where the request depends on it: whether it
 * names the field. Throws CommandFailure for a format that cannot be used.
 */
export function namesField(format: string, field: string, row: Row, kind: RowKind): boolean {
  let isNamed = false;
  const probe = makeRow(kind.type, row);
  Object.defineProperty(probe, field, {
    enumerable: true,
    get: () => {
      isNamed = true;
      return '';
    },
  });
  const template = attempt('failed to parse template', () => compileTemplate(format));
  attempt('failed to execute template', () => template.execute(probe));
  return isNamed;
}

/**
 * The text of a list in a format from `chooseFormat`. Throws CommandFailure in the words of Docker's client for
 * a format that cannot be used.
 */
export function formatRows(rows: readonly Row[], kind: RowKind, format: string): string {
  const isTable = format.startsWith('table');
  const chosen = format === 'json' ? '{{json .}}' : isTable ? format.slice('table'.length) : format;
  const text = chosen
    .replace(/^ +| +$/g, '')
    .replaceAll('\\t', '\t')
    .replaceAll('\\n', '\n');
  const template = attempt('failed to parse template', () => compileTemplate(text));
  const lines = rows
    .map(row => attempt('failed to execute template', () => template.execute(makeRow(kind.type, row))))
    .map(line => `${line}\n`)
    .join('');
  if (!isTable) return lines;
  // The header is the same format over the names of the columns, so that it has as many cells as a row.
  return alignColumns(`${template.header(kind.headers)}\n${lines}`);
}

/** Lists of rows as one JSON object, without a new line at its end, as Docker has it. */
export function formatRowLists(lists: Readonly<Record<string, readonly Row[]>>): string {
  const rows = Object.entries(lists).map(([name, items]) => [name, items.map(item => makeRow('row', item))]);
  return formatJson({ [GO_TYPE]: 'lists', [HIDES_MARKUP]: true, ...Object.fromEntries(rows) });
}

function makeRow(type: string, fields: Row): object {
  const row: Record<string | symbol, unknown> = { [GO_TYPE]: type, [HIDES_MARKUP]: true };
  for (const key of Object.keys(fields).sort(compareText)) row[key] = fields[key];
  return row;
}

function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof ToolError) throw new CommandFailure(1, `${what}: ${error.message}`);
    throw error;
  }
}
