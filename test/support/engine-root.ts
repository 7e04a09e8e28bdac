import { hostArch } from '../../src/shared/arch.ts';
import { unpackPackageSets } from './locked-tools.ts';

/** The programs of a machine's engine, and Docker's own client to talk to it. */
const PACKAGES = [
  'conmon',
  'crun',
  'busybox-static',
  'docker-cli',
  'erofs-utils',
  'socat',
  'tini',
  'netavark',
  'aardvark-dns',
  'nftables',
  'conntrack',
  'iproute2',
  'libc6',
  'libgcc-s1',
];

/** Needed by maintainer scripts and by features that are not used here. */
const OMIT = [
  'adduser',
  'debconf',
  'gcc-14-base',
  'criu',
  'docker-buildx',
  'docker-compose',
  'podman',
  'golang-github-containers-common',
];

/**
 * The folder with the engine's programs and their libraries: SLIPWAY_TEST_ENGINE where it is set, else
 * Debian's packages, resolved, fetched, verified and unpacked into the store as any other.
 */
export async function findEngineRoot(): Promise<string> {
  const given = process.env.SLIPWAY_TEST_ENGINE;
  if (given) return given;
  const arch = hostArch(process.arch);
  if (!arch) throw new Error(`no packages for ${process.arch}`);
  const [root] = await unpackPackageSets([{ arch, set: { want: PACKAGES, omit: OMIT } }]);
  if (root === undefined) throw new Error('the packages of the engine were not unpacked');
  return root;
}
