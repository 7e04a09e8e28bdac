import { type Aim, type Measurement, ratioOf, reachesAim } from './measurement.ts';

const HEADER = ['', 'measured', 'value', 'peer or floor', 'ratio', 'aim', 'stands', 'note'];
/** Columns of numbers, which are set flush right. */
const RIGHT = new Set([2, 4]);

/** The table for people; every row ends with a newline. */
export function formatTable(rows: readonly Measurement[]): string {
  const cells = [HEADER, ...rows.map(formatRow)];
  const widths = HEADER.map((_, column) => Math.max(...cells.map(row => row[column]?.length ?? 0)));
  return cells
    .map(row =>
      row
        .map((cell, column) =>
          RIGHT.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .map(line => `${line}\n`)
    .join('');
}

function formatRow(row: Measurement): string[] {
  const ratio = ratioOf(row);
  const reached = reachesAim(row);
  return [
    row.id,
    row.what,
    formatFigure(row.value, row.unit),
    row.peer ? `${formatFigure(row.peer.value, row.unit)} ${row.peer.name}` : '',
    ratio === undefined ? '' : `${ratio.toFixed(2)} x`,
    row.aim ? formatAim(row.aim, row.unit) : '',
    reached === undefined ? '' : reached ? 'reached' : 'missed',
    row.note ?? '',
  ];
}

function formatAim({ of, limit, atLeast }: Aim, unit: string): string {
  const least = atLeast === true ? 'at least ' : '';
  if (of === 'ratio') return `${least}${limit} x`;
  return of === 'value' ? `${least}${limit} ${unit}` : `+ ${limit} ${unit}`;
}

function formatFigure(value: number, unit: string): string {
  const digits = unit === 'per 10 s' ? 0 : value < 10 && unit !== 'ms' ? 2 : value < 100 ? 1 : 0;
  return `${value.toFixed(digits)} ${unit}`;
}
