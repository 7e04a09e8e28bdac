import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type Entry, bytesContent } from '../../src/shared/archive/entry.ts';
import { writeTar } from '../../src/shared/archive/tar.ts';
import type { LockedPackage } from '../../src/build/lock/lock.ts';
import { storeAsXz } from './stored-xz.ts';

/** A `.deb` made in code and what a lock says of it. */
export interface TestDeb {
  readonly package: LockedPackage;
  readonly bytes: Buffer;
  /** Its fields in a package index. */
  readonly paragraph: string;
}

export interface TestDebOptions {
  readonly version?: string;
  readonly fields?: readonly string[];
  readonly entries?: readonly Entry[];
  readonly compression?: 'none' | 'gzip' | 'xz';
  readonly control?: ReadonlyMap<string, string>;
  /** Changes the list of members before the archive is put together. */
  readonly members?: (members: [string, Uint8Array][]) => [string, Uint8Array][];
}

/** A file entry with plain attributes. */
export function file(path: string, text = path, mode = 0o644): Entry {
  return { kind: 'file', path, mode, uid: 0, gid: 0, mtime: 1, content: bytesContent(text) };
}

export async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(writeTar(entries)));
}

/** Puts an `ar` archive together. */
export function arOf(members: readonly (readonly [string, Uint8Array])[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from('!<arch>\n')];
  for (const [name, data] of members) {
    parts.push(
      Buffer.from(
        `${name.padEnd(16)}${'1'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(data.length).padEnd(10)}\`\n`,
      ),
      data,
      Buffer.alloc(data.length % 2, '\n'),
    );
  }
  return Buffer.concat(parts);
}

export async function makeDeb(name: string, options: TestDebOptions = {}): Promise<TestDeb> {
  const { version = '1.0', fields = [], compression = 'xz' } = options;
  const control = [`Package: ${name}`, `Version: ${version}`, 'Architecture: amd64', ...fields].join('\n');
  const pack = (bytes: Buffer): Buffer =>
    compression === 'xz' ? storeAsXz(bytes) : compression === 'gzip' ? gzipSync(bytes) : bytes;
  const suffix = { none: '', gzip: '.gz', xz: '.xz' }[compression];
  const controlFiles = new Map([['control', `${control}\n`], ...(options.control ?? [])]);
  const members: [string, Uint8Array][] = [
    ['debian-binary', Buffer.from('2.0\n')],
    [`control.tar${suffix}`, pack(await tarOf([...controlFiles].map(([path, text]) => file(path, text))))],
    [`data.tar${suffix}`, pack(await tarOf(options.entries ?? [file(`usr/share/${name}`)]))],
  ];
  const bytes = arOf(options.members ? options.members(members) : members);
  const pkg: LockedPackage = {
    name,
    version,
    arch: 'amd64',
    archive: 'debian',
    path: `pool/main/${name.slice(0, 1)}/${name}/${name}_${version.replace(/^\d+:/, '')}_amd64.deb`,
    sizeBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
  const paragraph = `${control}\nFilename: ${pkg.path}\nSize: ${pkg.sizeBytes}\nSHA256: ${pkg.sha256}\n`;
  return { package: pkg, bytes, paragraph };
}
