import { posix } from 'node:path';
import type { ServiceConfig } from '../../../shared/manifest/index.ts';
import { type Tree, normalizePath } from '../../tree/tree.ts';

/**
 * Makes the places that the recipe's own `binds`, `mounts` and `tmpfs` are mounted on: a read-only root
 * without an overlay gives the runtime no chance to make them. What is not there becomes a folder, or an
 * empty file where the last name of the source has an extension as files have (`x.json`).
 */
export function putMountPoints(tree: Tree, config: ServiceConfig | undefined): void {
  if (config?.readonly === false) return; // the runtime makes them, each of its source's kind
  const put = (destination: string, source: string): void => {
    const path = normalizePath(destination);
    if (path === '' || tree.lookup(path) || isBelowRuntimeFolder(path)) return;
    if (/^\.?[^.]+\.[a-z]+$/.test(posix.basename(source))) tree.file(path, '');
    else tree.directory(path);
  };
  for (const bind of [...(config?.binds ?? []), ...(config?.['binds.add'] ?? [])]) {
    const [source = '', destination = source] = bind.split(':');
    put(destination, source);
  }
  for (const mount of config?.mounts ?? []) {
    if (mount.destination !== undefined)
      put(mount.destination, mount.type === 'bind' ? (mount.source ?? '') : '');
  }
  for (const tmpfs of config?.tmpfs ?? []) put(tmpfs.split(':')[0] ?? '', '');
}

/** Places that lie in a file system which is itself mounted at start. */
function isBelowRuntimeFolder(path: string): boolean {
  return /^(dev|proc|sys)(\/|$)/.test(path);
}
