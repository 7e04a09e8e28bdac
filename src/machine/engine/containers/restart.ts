import { ToolError } from '../../../shared/errors.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { startContainer } from './start.ts';
import { stopContainer } from './stop.ts';

/** Stops a container if it runs, then starts it; one that was to be removed at its end stays. */
export async function restartContainer(
  context: EngineContext,
  nameOrId: string,
  graceMs?: number,
  signal?: string,
): Promise<void> {
  const { id } = context.table.resolve(nameOrId);
  context.restarting.add(id);
  try {
    await stopContainer(context, id, graceMs, signal).catch((error: unknown) => {
      if (!(error instanceof ToolError && error.kind === 'not-modified')) throw error;
    });
    await startContainer(context, id);
  } finally {
    context.restarting.delete(id);
  }
  publish(context, 'restart', summaryOf(context, id));
}
