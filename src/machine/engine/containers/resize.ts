import { type EngineContext, publish, summaryOf } from '../context.ts';
import { notRunning } from '../docker-errors.ts';
import { resizeTerminal } from '../runtime/terminal-size.ts';
import { isLive } from '../store/container-record.ts';

/** Gives the terminal of a running container another size. Throws CONTAINER_NOT_RUNNING. */
export async function resizeContainer(
  context: EngineContext,
  nameOrId: string,
  rows: number,
  columns: number,
): Promise<void> {
  const { id, state, request } = context.table.resolve(nameOrId);
  if (!isLive(state)) throw notRunning(id);
  if (request.Tty !== true) return;
  if (!(await resizeTerminal(context.table.paths(id).bundle, rows, columns))) throw notRunning(id);
  publish(context, 'resize', summaryOf(context, id), { height: String(rows), width: String(columns) });
}
