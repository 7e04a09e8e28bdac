import { messageOf } from '../../../shared/errors.ts';
import { writeNetworkFiles } from '../containers/network-files.ts';
import type { EngineContext } from '../context.ts';
import { isLinkedTo, namesOf } from './names.ts';
import { isLive } from '../store/container-record.ts';
import { NETWORKS_KEY } from './network-table.ts';

/** Has the running containers that link one which has just started know its new address. */
export async function refreshLinks(context: EngineContext, id: string): Promise<void> {
  for (const other of context.table.all()) {
    if (!isLive(other.state) || other.id === id || !isLinkedTo(context, other, id)) continue;
    try {
      await context.queue.run(NETWORKS_KEY, () => {
        const now = context.table.find(other.id);
        if (now !== undefined && isLive(now.state)) writeNetworkFiles(context, now, namesOf(context, now));
      });
    } catch (error) {
      // Another of its links may lead nowhere now; what it knew stays.
      context.log.warning('the links of a container could not be renewed', {
        container: other.name,
        reason: messageOf(error),
      });
    }
  }
}
