import { readlinkSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Test } from 'tap';

/** Paths in the order in which they were made to last; `failAt` is one of which that fails. */
export interface Syncs extends Array<string> {
  failAt?: string;
}

const handle = await open('/dev/null');
const handles = Object.getPrototypeOf(handle) as FileHandle;
await handle.close();

/** Watches fsync(2) for as long as a test goes on. */
export function watchSyncs(t: Test): Syncs {
  const synced: Syncs = [];
  const original = { ...Object.getOwnPropertyDescriptor(handles, 'sync') };
  const sync = original.value as (this: FileHandle) => Promise<void>;
  const value = async function (this: FileHandle): Promise<void> {
    const path = readlinkSync(`/proc/self/fd/${this.fd}`);
    if (path === synced.failAt) throw new Error('no sync');
    synced.push(path);
    await sync.call(this);
  };
  Object.defineProperty(handles, 'sync', { ...original, value });
  t.teardown(() => Object.defineProperty(handles, 'sync', original));
  return synced;
}
