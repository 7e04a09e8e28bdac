import { readlinkSync } from 'node:fs';
import { isSystemError } from '../../shared/errors.ts';

/** What the services of a pod have in common. */
const POD: readonly string[] = ['net', 'ipc', 'uts'];

/** Whether two processes have the same network, ipc and host-name namespaces; false when one is gone. */
export function sharesPod(pid: number, other: number): boolean {
  return POD.every(kind => {
    const namespace = namespaceOf(pid, kind);
    return namespace !== undefined && namespace === namespaceOf(other, kind);
  });
}

/** A namespace of a process, such as `net:[4026531840]`; undefined when the process is gone. */
function namespaceOf(pid: number, kind: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}
