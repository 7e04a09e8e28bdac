/** Processor architectures, in Debian's spelling, which OCI and Docker share. */
export type Arch = 'amd64' | 'arm64';

export const ARCHES: readonly Arch[] = ['amd64', 'arm64'];

/** The GNU multiarch folder name, e.g. `x86_64-linux-gnu`. */
export const MULTIARCH: Readonly<Record<Arch, string>> = {
  amd64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
};

/** The dynamic loader's path as programs of the architecture name it. */
export const LOADER: Readonly<Record<Arch, string>> = {
  amd64: 'lib64/ld-linux-x86-64.so.2',
  arm64: 'lib/ld-linux-aarch64.so.1',
};

/** Debian architecture of the computer this runs on, if it is one of ours. */
export function hostArch(nodeArch: string): Arch | undefined {
  return nodeArch === 'x64' ? 'amd64' : nodeArch === 'arm64' ? 'arm64' : undefined;
}
