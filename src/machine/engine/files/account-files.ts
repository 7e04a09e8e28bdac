import type { AccountFiles } from '../runtime/user-lookup.ts';
import { FileView } from './file-view.ts';

/** A longer one is taken for none. */
const MAX_BYTES = 1024 * 1024;

/**
 * A container's own account files, found as the container would find them. It may run, and change them meanwhile:
 * what is read is a regular file of its own, and of a bounded length. Throws I/O errors.
 */
export async function readAccounts(view: FileView): Promise<AccountFiles> {
  return { passwd: await readText(view, '/etc/passwd'), group: await readText(view, '/etc/group') };
}

/** The same from a root file system on the host, as it is without mounts. */
export async function readAccountsBelow(root: string): Promise<AccountFiles> {
  await using view = await FileView.open(root, []);
  return await readAccounts(view);
}

async function readText(view: FileView, path: string): Promise<string | undefined> {
  await using found = await view.find(path, true);
  if (found?.place.stat.isFile() !== true || found.place.stat.size > MAX_BYTES) return undefined;
  await using handle = await found.place.openFile();
  // It may have grown, which then does not count.
  const bytes = Buffer.alloc(found.place.stat.size);
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
  return bytes.toString('utf8', 0, bytesRead);
}
