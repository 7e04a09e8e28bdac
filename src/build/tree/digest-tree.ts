import { createHash } from 'node:crypto';
import type { Content } from '../../shared/archive/entry.ts';
import { type Digest, digestOf } from '../../shared/digest.ts';
import { ContentReader } from '../../shared/fs/content-reader.ts';
import type { Tree } from './tree.ts';

/**
 * Digest of everything that a writer could put of a tree into a file: paths, kinds, attributes and
 * contents. Trees of the same digest pack to the same bytes.
 */
export async function digestTree(tree: Tree): Promise<Digest> {
  using reader = new ContentReader();
  const hash = createHash('sha256');
  for (const entry of tree.entries()) {
    const { xattrs, ...rest } = entry;
    const described = {
      ...rest,
      ...(entry.kind === 'file' ? { content: await digestContent(entry.content, reader) } : {}),
      xattrs: [...(xattrs ?? [])]
        .map(([name, value]) => [name, Buffer.from(value).toString('base64')])
        .sort(),
    };
    hash.update(`${JSON.stringify(described)}\n`);
  }
  return `sha256:${hash.digest('hex')}`;
}

async function digestContent(content: Content, reader: ContentReader): Promise<Digest> {
  if (content.kind === 'bytes') return digestOf(content.bytes);
  const hash = createHash('sha256');
  for await (const piece of reader.read(content)) hash.update(piece);
  return `sha256:${hash.digest('hex')}`;
}
