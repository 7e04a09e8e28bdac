import { type EngineContext, publish, summaryOf } from '../context.ts';
import { ToolError } from '../../../shared/errors.ts';
import { conflict, invalidParameter, withWords } from '../docker-errors.ts';
import { renameInNames } from '../networks/name-server.ts';
import { parseName } from './create.ts';

const ALLOCATING = 'Error when allocating new name';

/**
 * Gives a container another name. Throws ENGINE_INVALID_PARAMETER, CONTAINER_NAME_INVALID, CONTAINER_NAME_CONFLICT,
 * CONTAINER_STATE_CONFLICT for a service, which is known by its name.
 */
export async function renameContainer(
  context: EngineContext,
  nameOrId: string,
  newName: string,
): Promise<void> {
  const { id } = context.table.resolve(nameOrId);
  if (newName === '') throw invalidParameter('Neither old nor new names may be empty');
  const name = inWords(() => parseName(newName.startsWith('/') ? newName : `/${newName}`)) ?? '';
  await context.queue.run(id, async () => {
    const { name: oldName, request } = context.table.get(id);
    if (name === oldName) {
      throw invalidParameter('Renaming a container with the same name as its current name');
    }
    if (request.Slipway !== undefined) throw conflict(`container "/${oldName}" is a service of this machine`);
    try {
      await context.table.rename(id, name);
    } catch (error) {
      throw error instanceof ToolError && error.kind === 'conflict' ? withWords(error, ALLOCATING) : error;
    }
    await renameInNames(context, id, name);
    publish(context, 'rename', summaryOf(context, id), { oldName: `/${oldName}` });
  });
}

function inWords<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw withWords(error, ALLOCATING);
  }
}
