import { sendControl } from './conmon-control.ts';

const MAX_CELLS = 0xffff;

/** Gives a container's terminal another size, through the conmon that holds it. False when there is none. */
export function resizeTerminal(bundle: string, rows: number, columns: number): Promise<boolean> {
  const clamp = (cells: number): number => Math.min(Math.max(0, Math.trunc(cells)), MAX_CELLS);
  return sendControl(bundle, `1 ${clamp(rows)} ${clamp(columns)}\n`);
}
