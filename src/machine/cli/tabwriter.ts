/**
 * Columns as Go's tabwriter makes them with Docker's settings: cells end at tabs, a column is as wide as its
 * widest cell and three blanks, ten at least, and goes on as long as lines follow that have it. What stands
 * behind the last tab of a line belongs to no column.
 */
export function alignColumns(text: string, options: ColumnOptions = DOCKER_COLUMNS): string {
  const lines = text.split('\n').map(line => line.split('\t'));
  const output: string[] = [];
  const widths: number[] = [];
  const format = (from: number, to: number): void => {
    const column = widths.length;
    let done = from;
    for (let index = from; index < to; index += 1) {
      if (column >= (lines[index]?.length ?? 0) - 1) continue;
      print(done, index);
      let end = index;
      let width = options.minWidth;
      for (; end < to; end += 1) {
        const cells = lines[end] ?? [];
        if (column >= cells.length - 1) break;
        width = Math.max(width, widthOf(cells[column] ?? '') + options.padding);
      }
      widths.push(width);
      format(index, end);
      widths.pop();
      done = end;
      index = end - 1;
    }
    print(done, to);
  };
  const print = (from: number, to: number): void => {
    for (const cells of lines.slice(from, to)) {
      output.push(
        cells
          .map((cell, column) =>
            column < cells.length - 1
              ? cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell)))
              : cell,
          )
          .join(''),
      );
    }
  };
  format(0, lines.length);
  return output.join('\n');
}

export interface ColumnOptions {
  readonly minWidth: number;
  readonly padding: number;
}

const DOCKER_COLUMNS: ColumnOptions = { minWidth: 10, padding: 3 };

function widthOf(cell: string): number {
  return Array.from(cell).length;
}
