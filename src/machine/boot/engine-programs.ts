import { existsSync } from 'node:fs';
import type { EngineFeatures } from '../../shared/machine-image.ts';
import type { EnginePrograms, RuntimeName } from '../engine/engine-config.ts';

/** Programs that an image may leave out, and where Debian puts them. */
const OPTIONAL: Readonly<Record<Exclude<keyof EnginePrograms, 'conmon' | 'crun' | 'busybox'>, string>> = {
  runc: '/usr/sbin/runc',
  socat: '/usr/bin/socat',
  init: '/usr/bin/tini-static',
  mkfsErofs: '/usr/bin/mkfs.erofs',
  netavark: '/usr/lib/podman/netavark',
  aardvarkDns: '/usr/lib/podman/aardvark-dns',
  nft: '/usr/sbin/nft',
};

/** The engine's programs on this machine, and which runtime its containers have unless they choose. */
export function findEnginePrograms(features: EngineFeatures): {
  readonly programs: EnginePrograms;
  readonly defaultRuntime: RuntimeName;
} {
  const found = Object.fromEntries(Object.entries(OPTIONAL).filter(([, path]) => existsSync(path)));
  const programs: EnginePrograms = {
    conmon: '/usr/bin/conmon',
    crun: '/usr/bin/crun',
    busybox: '/usr/bin/busybox',
    ...found,
  };
  const wanted = features.runtimes[0] ?? 'crun';
  // The services come first: a runtime that is missing must not keep them from running.
  return { programs, defaultRuntime: wanted === 'runc' && programs.runc === undefined ? 'crun' : wanted };
}
