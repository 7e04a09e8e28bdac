import type { Arch } from '../../../shared/arch.ts';
import { ToolError } from '../../../shared/errors.ts';
import type { LockedPackage, LockedSuite } from '../../lock/lock.ts';
import { type OpenDebianOptions, openDebian } from './debian-index.ts';
import { type Mirrors, NO_MIRRORS, snapshotMirrors } from './mirrors.ts';

export interface VerifyPackagesOptions extends Omit<OpenDebianOptions, 'mirrors' | 'previousSuites'> {
  /** Asked only where the store has no index with every package. */
  readonly mirrors: () => Promise<Mirrors>;
  /** What the packages were chosen from. */
  readonly lockedSuites: readonly LockedSuite[];
}

/**
 * Makes sure that Debian has signed for packages of a lock that will run on the build host: a lock comes
 * with a stranger's manifest, and what it says must not choose a program. A package counts when a signed
 * index names it with this version and hash, of whatever age. Looked at are the lock's own indexes in the
 * store, then those that mirrors have, then permanent archives' of the lock's time.
 *
 * Throws TOOLS_UNVERIFIED; its cause is what kept indexes away, if any did.
 */
export async function verifyPackages(
  packages: readonly LockedPackage[],
  arch: Arch,
  options: VerifyPackagesOptions,
): Promise<void> {
  let unknown = packages;
  let wasIndexRead = false;
  let fault: ToolError | undefined;
  for await (const source of indexSources(options)) {
    try {
      const index = await openDebian({ ...options, ...source, isRecord: true });
      const found = await Promise.all(unknown.map(pkg => index.has(arch, pkg)));
      unknown = unknown.filter((_pkg, at) => !found[at]);
      if (unknown.length === 0) return;
      wasIndexRead = true;
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      fault = error;
    }
  }
  const names = unknown.slice(0, 5).map(pkg => `${pkg.name} ${pkg.version}`);
  const more = unknown.length > names.length ? ` and ${unknown.length - names.length} more` : '';
  throw new ToolError(`checking build tools of the lock: no signed index has ${names.join(', ')}${more}`, {
    code: 'TOOLS_UNVERIFIED',
    kind: wasIndexRead || !fault ? 'integrity' : fault.kind,
    hint: 'run "slipway lock --update" to take the tools of today; do so before you trust a lock that is not yours',
    cause: fault,
  });
}

async function* indexSources({
  offline,
  mirrors: findMirrors,
  lockedSuites,
}: VerifyPackagesOptions): AsyncGenerator<Pick<OpenDebianOptions, 'mirrors' | 'offline' | 'previousSuites'>> {
  yield { mirrors: NO_MIRRORS, offline: true, previousSuites: lockedSuites };
  if (offline) return;
  const mirrors = await findMirrors();
  yield { mirrors };
  if (mirrors.snapshot.length === 0) return;
  for (const { date } of lockedSuites) yield { mirrors: snapshotMirrors(mirrors, date) };
}
