/** The part of cpio-stream 1.4.3 that cpio.ts uses; the package brings no types. */
declare module 'cpio-stream' {
  import type { Readable, Writable } from 'node:stream';

  interface Header {
    name: string;
    type: 'file' | 'directory' | 'symlink' | 'block-device' | 'character-device' | 'fifo';
    mode: number;
    uid: number;
    gid: number;
    mtime: Date;
    ino: number;
    nlink: number;
    size?: number;
    linkname?: string;
    rdevmajor?: number;
    rdevminor?: number;
  }

  interface Pack extends Readable {
    entry(header: Header, callback: (error?: Error | null) => void): Writable;
    entry(header: Header, buffer: Buffer, callback: (error?: Error | null) => void): void;
    finalize(): void;
  }

  const cpio: { pack(options: { format: 'newc' }): Pack };
  export = cpio;
}
