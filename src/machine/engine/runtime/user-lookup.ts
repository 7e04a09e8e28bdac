import { invalidParameter } from '../docker-errors.ts';
import type { OciUser } from './oci-types.ts';

/** The container's own account files; undefined where it has none. */
export interface AccountFiles {
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

/** A user and what its account says besides. */
export interface ResolvedUser extends OciUser {
  readonly home: string;
}

const MAX_ID = 0x7fff_ffff;

/**
 * Resolves `user[:group]`, names or numbers, as Docker does: a name has to be in the container's passwd,
 * a number need not; the groups that list the user are added unless a group is named.
 * Throws ENGINE_INVALID_PARAMETER with Docker's sentences.
 */
export function resolveUser(text: string, extraGroups: readonly string[], files: AccountFiles): ResolvedUser {
  const [userPart = '', groupPart, ...more] = text.split(':');
  if (more.length > 0) throw invalidParameter(`invalid user format: ${text}`);
  const accounts = rows(files.passwd);
  const groups = rows(files.group);
  const wanted = userPart === '' ? '0' : userPart;
  const account =
    accounts.find(row => row[0] === wanted) ??
    accounts.find(row => /^\d+$/.test(wanted) && row[2] === wanted);
  const uid = account === undefined ? parseId(wanted) : parseId(account[2] ?? '');
  if (uid === undefined) {
    throw invalidParameter(`unable to find user ${wanted}: no matching entries in passwd file`);
  }
  const gidOf = (name: string): number => {
    const row = groups.find(row => row[0] === name);
    const gid = row === undefined ? parseId(name) : parseId(row[2] ?? '');
    if (gid === undefined) {
      throw invalidParameter(`unable to find group ${name}: no matching entries in group file`);
    }
    return gid;
  };
  const hasGroup = groupPart !== undefined && groupPart !== '';
  const gid = hasGroup ? gidOf(groupPart) : (parseId(account?.[3] ?? '0') ?? 0);
  const listed =
    hasGroup || account === undefined
      ? []
      : groups
          .filter(row => (row[3] ?? '').split(',').includes(account[0] ?? ''))
          .map(row => parseId(row[2] ?? ''));
  const additional = [...listed, ...extraGroups.map(gidOf)].filter(id => id !== undefined && id !== gid);
  return {
    uid,
    gid,
    additionalGids: [...new Set(additional)].filter(id => id !== undefined),
    home: account?.[5] === undefined || account[5] === '' ? '/' : account[5],
  };
}

function rows(text: string | undefined): string[][] {
  return (text ?? '')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => line.split(':'));
}

function parseId(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}
