import { ToolError } from '../../../shared/errors.ts';
import type { RecipeGroup } from '../../../shared/manifest/index.ts';
import type { Tree } from '../../tree/tree.ts';

/** A line of passwd. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell?: string;
  readonly gecos?: string;
  readonly groups?: readonly string[];
}

const NO_LOGIN = '/usr/sbin/nologin';

/** The accounts with fixed numbers that Debian's packages and device rules refer to. */
const BASE_USERS: readonly User[] = [
  { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/sh' },
  { name: 'daemon', uid: 1, gid: 1, home: '/usr/sbin' },
  { name: 'bin', uid: 2, gid: 2, home: '/bin' },
  { name: 'sys', uid: 3, gid: 3, home: '/dev' },
  { name: 'mail', uid: 8, gid: 8, home: '/var/mail' },
  { name: 'www-data', uid: 33, gid: 33, home: '/var/www' },
  { name: 'nobody', uid: 65534, gid: 65534, home: '/nonexistent' },
];

const BASE_GROUPS: readonly (readonly [name: string, gid: number])[] = [
  ['root', 0],
  ['daemon', 1],
  ['bin', 2],
  ['sys', 3],
  ['adm', 4],
  ['tty', 5],
  ['disk', 6],
  ['lp', 7],
  ['mail', 8],
  ['kmem', 15],
  ['dialout', 20],
  ['cdrom', 24],
  ['floppy', 25],
  ['tape', 26],
  ['sudo', 27],
  ['audio', 29],
  ['dip', 30],
  ['www-data', 33],
  ['shadow', 42],
  ['utmp', 43],
  ['video', 44],
  ['plugdev', 46],
  ['staff', 50],
  ['users', 100],
  ['nogroup', 65534],
];

export interface Accounts {
  readonly users?: readonly User[];
  readonly groups?: readonly RecipeGroup[];
}

/**
 * Writes passwd, group, shadow and gshadow: the accounts with fixed numbers, then those of the recipe in
 * its order. Nobody has a password: a lone `*` locks the password and leaves other ways of login open.
 * A user of the recipe named like a base account replaces it (a shell for root); otherwise names and
 * numbers must be unique. A user whose own group is not there gets one of its name.
 *
 * Errors: ACCOUNT_CONFLICT, ACCOUNT_UNKNOWN_GROUP, ACCOUNT_MALFORMED (a colon or line break in a field).
 *
 * @param epoch seconds since 1970: the day of the last password change
 */
export function putAccounts(tree: Tree, accounts: Accounts, epoch: number): void {
  const groups = new Map<string, { readonly gid: number; readonly members: Set<string> }>();
  const addGroup = (name: string, gid: number, members: readonly string[], mayExist: boolean): void => {
    check(name, name);
    const known = groups.get(name);
    if (known) {
      if (!mayExist || known.gid !== gid) throw conflict(`the group ${name} is there twice`);
      members.forEach(member => known.members.add(member));
      return;
    }
    const taken = [...groups].find(([, group]) => group.gid === gid);
    if (taken) throw conflict(`the groups ${taken[0]} and ${name} have the same gid ${gid}`);
    groups.set(name, { gid, members: new Set(members) });
  };
  for (const [name, gid] of BASE_GROUPS) addGroup(name, gid, [], false);
  for (const group of accounts.groups ?? []) addGroup(group.name, group.gid, group.members, true);

  const users = new Map<string, User>();
  const addUser = (user: User): void => {
    for (const field of [user.name, user.gecos, user.home, user.shell]) check(field ?? '', user.name);
    const { gid } = user;
    const base = BASE_USERS.some(item => item.name === user.name && item.uid === user.uid);
    if (users.has(user.name) && !base) throw conflict(`the user ${user.name} is there twice`);
    const taken = [...users.values()].find(other => other.uid === user.uid && other.name !== user.name);
    if (taken) throw conflict(`the users ${taken.name} and ${user.name} have the same uid ${user.uid}`);
    users.set(user.name, user);
    if (![...groups.values()].some(group => group.gid === gid)) addGroup(user.name, gid, [], false);
    for (const name of user.groups ?? []) {
      const group = groups.get(name);
      if (!group) {
        throw new ToolError(
          `assembling accounts: user ${user.name} is to be in the group ${name}, which does not exist`,
          {
            code: 'ACCOUNT_UNKNOWN_GROUP',
            kind: 'invalid-input',
            hint: `add ${name} to "groups" of the recipe`,
          },
        );
      }
      group.members.add(user.name);
    }
  };
  BASE_USERS.forEach(addUser);
  accounts.users?.forEach(addUser);

  const day = Math.floor(epoch / 86400);
  const lines = (items: readonly string[]): string => items.map(item => `${item}\n`).join('');
  const all = [...users.values()];
  const nologin = (user: User): string => user.shell ?? NO_LOGIN;
  tree.file(
    'etc/passwd',
    lines(all.map(u => `${u.name}:x:${u.uid}:${u.gid}:${u.gecos ?? u.name}:${u.home}:${nologin(u)}`)),
  );
  tree.file('etc/shadow', lines(all.map(user => `${user.name}:*:${day}:0:99999:7:::`)), {
    mode: 0o640,
    gid: 42,
  });
  const named = [...groups];
  tree.file('etc/group', lines(named.map(([name, g]) => `${name}:x:${g.gid}:${[...g.members].join(',')}`)));
  tree.file('etc/gshadow', lines(named.map(([name, g]) => `${name}:*::${[...g.members].join(',')}`)), {
    mode: 0o640,
    gid: 42,
  });
  for (const user of accounts.users ?? []) {
    const { home } = user;
    const isLogin = nologin(user) !== NO_LOGIN && user.uid >= 1000;
    if (isLogin && home !== '/nonexistent' && !tree.has(home)) {
      tree.directory(home, { mode: 0o755, uid: user.uid, gid: user.gid });
    }
  }
}

function check(field: string, name: string): void {
  if (!/[:\n\0]/.test(field)) return;
  throw new ToolError(
    `assembling accounts: a field of ${JSON.stringify(name)} holds a colon or a line break`,
    {
      code: 'ACCOUNT_MALFORMED',
      kind: 'invalid-input',
    },
  );
}

function conflict(what: string): ToolError {
  return new ToolError(`assembling accounts: ${what}`, { code: 'ACCOUNT_CONFLICT', kind: 'conflict' });
}
