import type { Arch } from '../../shared/arch.ts';

/** What an image is, as far as its files are named after it. */
export interface ArtifactIdentity {
  readonly name: string;
  readonly version: string;
  readonly arch: Arch;
}

export interface ArtifactNames {
  readonly iso: string;
  /** The files of `kernel+initrd`; the initrd holds the file systems. */
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  /** What `slipway inspect` reads of those. */
  readonly record: string;
  readonly checksums: string;
}

/** Names of the files that a build makes, e.g. `minimal-1.0-amd64.iso`. */
export function artifactNames({ name, version, arch }: ArtifactIdentity): ArtifactNames {
  const stem = [name, version, arch].map(safeName).join('-');
  return {
    iso: `${stem}.iso`,
    kernel: `${stem}.vmlinuz`,
    initrd: `${stem}.initrd`,
    commandLine: `${stem}.cmdline`,
    record: `${stem}.build.json`,
    checksums: `${stem}.SHA256SUMS`,
  };
}

/** An ISO volume identifier: upper case letters, digits and `_`, at most 32. */
export function volumeId({ name, version }: Pick<ArtifactIdentity, 'name' | 'version'>): string {
  return `${name}_${version}`
    .toUpperCase()
    .replaceAll(/[^A-Z0-9_]/g, '_')
    .slice(0, 32);
}

function safeName(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9._+~]/g, '-').replace(/^\.+/, '') || 'image';
}
