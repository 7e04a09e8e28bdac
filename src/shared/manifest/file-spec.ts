import type { FileSpec as RawFile } from '../schema/manifest.gen.ts';
import type { ReportFault } from '../service/config.ts';
import type { Place } from '../yaml/place.ts';
import type { FileSpec } from './manifest.ts';

const KINDS = ['contents', 'source', 'symlink', 'directory', 'metadata'] as const;

export interface FileContext {
  readonly place: Place;
  /** Where the value of `source` stands; by default as `place`. */
  readonly sourcePlace?: Place;
  /** Numbers that names of services stand for. */
  readonly ids: ReadonlyMap<string, number>;
  /** The merged manifest as text; absent where `metadata` makes no sense, as in recipes. */
  readonly metadata?: (format: 'yaml' | 'json') => string;
}

/** Reads one item of `files`; reports what a schema cannot see and returns undefined if there is anything. */
export function parseFileSpec(raw: RawFile, context: FileContext, report: ReportFault): FileSpec | undefined {
  const faults: string[] = [];
  const refuse: ReportFault = (pointer, message, hint) => {
    faults.push(message);
    report(pointer, message, hint);
  };
  const kinds = KINDS.filter(kind => raw[kind] !== undefined && raw[kind] !== false);
  const [kind] = kinds;
  if (kind === undefined)
    refuse('', `a file takes one of ${KINDS.join(', ')}; found none`, 'add one of them');
  if (kinds.length > 1) {
    refuse(
      `/${kinds[1]}`,
      `a file takes one of ${KINDS.join(', ')}; found ${kinds.join(' and ')}`,
      'keep one of them',
    );
  }
  const parts = raw.path.split('/').filter(part => part !== '' && part !== '.');
  if (parts.includes('..'))
    refuse('/path', `${JSON.stringify(raw.path)} holds ".."`, 'write the path from the root');
  if (parts.some(part => Buffer.byteLength(part) > 255) || Buffer.byteLength(raw.path) > 4000) {
    refuse('/path', 'the path is too long for a file system', 'a name has at most 255 bytes');
  }
  if (raw.optional === true && kind !== undefined && kind !== 'source') {
    refuse('/optional', 'only a file with "source" can be optional', 'remove "optional"');
  }
  if (raw.metadata !== undefined && !context.metadata) {
    refuse('/metadata', 'metadata is the manifest itself: a recipe has none', 'use "contents"');
  }
  const uid = idOf(raw.uid, context.ids);
  const gid = idOf(raw.gid, context.ids);
  if (uid === undefined) refuse('/uid', unknownId(raw.uid), 'write a number, or the name of a service');
  if (gid === undefined) refuse('/gid', unknownId(raw.gid), 'write a number, or the name of a service');
  if (faults.length > 0 || uid === undefined || gid === undefined || kind === undefined) return undefined;

  const mode = Number.parseInt(raw.mode ?? (kind === 'directory' ? '0700' : '0600'), 8);
  const common = { path: parts.join('/'), mode, uid, gid, place: context.place };
  switch (kind) {
    case 'directory':
      return { ...common, kind };
    case 'symlink':
      return { ...common, kind, mode: 0o777, target: raw.symlink ?? '' };
    case 'contents':
      return { ...common, kind, contents: raw.contents ?? '' };
    case 'metadata':
      return { ...common, kind: 'contents', contents: context.metadata?.(raw.metadata ?? 'json') ?? '' };
    case 'source':
      return {
        ...common,
        kind,
        source: raw.source ?? '',
        optional: raw.optional ?? false,
        sourcePlace: context.sourcePlace ?? context.place,
      };
  }
}

/** The number of a user or group id; a name stands for a service's own, `root` and nothing for 0. */
export function idOf(id: number | string | undefined, ids: ReadonlyMap<string, number>): number | undefined {
  if (id === undefined || id === '' || id === 'root') return 0;
  if (typeof id === 'number') return id;
  return /^\d{1,10}$/.test(id) ? Number(id) : ids.get(id);
}

function unknownId(id: number | string | undefined): string {
  return `${JSON.stringify(id)} is the name of no service`;
}
