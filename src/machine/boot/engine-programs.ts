import { existsSync } from 'node:fs';
import type { EngineFeatures } from '../../shared/machine-image.ts';
import type { EngineConfig, EnginePrograms } from '../engine/engine-config.ts';

/** Programs that an image may leave out, and where Debian puts them. */
const OPTIONAL: Readonly<Record<Exclude<keyof EnginePrograms, 'conmon' | 'crun' | 'busybox'>, string>> = {
  runc: '/usr/sbin/runc',
  socat: '/usr/bin/socat',
  init: '/usr/bin/tini-static',
  mkfsErofs: '/usr/bin/mkfs.erofs',
  netavark: '/usr/lib/podman/netavark',
  aardvarkDns: '/usr/lib/podman/aardvark-dns',
  nft: '/usr/sbin/nft',
  conntrack: '/usr/sbin/conntrack',
};

/** The engine's programs on this machine, and what the image sets of it. */
export function findEnginePrograms(
  features: EngineFeatures,
): Pick<EngineConfig, 'programs'> & Required<Pick<EngineConfig, 'settings'>> {
  const found = Object.fromEntries(Object.entries(OPTIONAL).filter(([, path]) => existsSync(path)));
  const programs: EnginePrograms = {
    conmon: '/usr/bin/conmon',
    crun: '/usr/bin/crun',
    busybox: '/usr/bin/busybox',
    ...found,
  };
  const { settings } = features;
  // The services come first: a runtime that is missing must not keep them from running.
  const isMissing = settings.defaultRuntime === 'runc' && programs.runc === undefined;
  return { programs, settings: isMissing ? { ...settings, defaultRuntime: 'crun' } : settings };
}
