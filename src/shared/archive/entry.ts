/**
 * The one model of a file in an archive or a tree. Readers of tar, deb and OCI layers produce entries,
 * trees hold them, and writers of tar and cpio consume them.
 */

/** Bytes of a regular file: in memory, or a slice of a file on the build host that is read when packed. */
export type Content =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'slice'; readonly file: string; readonly offset: number; readonly size: number };

interface EntryBase {
  /** Relative to the root, `/` between names, no leading or trailing `/`, no `.` or `..` parts. The root is ''. */
  readonly path: string;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Extended attributes by full name (`security.capability`); values are bytes. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
}

export interface FileEntry extends EntryBase {
  readonly kind: 'file';
  readonly content: Content;
}
export interface DirectoryEntry extends EntryBase {
  readonly kind: 'directory';
}
export interface SymlinkEntry extends EntryBase {
  readonly kind: 'symlink';
  /** As stored: absolute, or relative to the link's own folder. Never followed on the build host. */
  readonly target: string;
}
export interface HardlinkEntry extends EntryBase {
  readonly kind: 'hardlink';
  /** Path of the linked file, relative to the root. */
  readonly target: string;
}
export interface DeviceEntry extends EntryBase {
  readonly kind: 'char-device' | 'block-device';
  readonly major: number;
  readonly minor: number;
}
export interface FifoEntry extends EntryBase {
  readonly kind: 'fifo';
}

export type Entry = FileEntry | DirectoryEntry | SymlinkEntry | HardlinkEntry | DeviceEntry | FifoEntry;

/** Length of a file's content in bytes. */
export function contentSize(content: Content): number {
  return content.kind === 'bytes' ? content.bytes.length : content.size;
}

/** Content held in memory; text becomes UTF-8. */
export function bytesContent(data: Uint8Array | string): Content {
  return { kind: 'bytes', bytes: typeof data === 'string' ? Buffer.from(data, 'utf8') : data };
}
