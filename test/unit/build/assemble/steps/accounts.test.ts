import t from 'tap';
import { type Accounts, type User, putAccounts } from '../../../../../src/build/assemble/steps/accounts.ts';
import { Tree } from '../../../../../src/build/tree/tree.ts';
import { textOf } from '../fixtures.ts';

const EPOCH = 86_400 * 19_000 + 5;

function accountsOf(accounts: Accounts): Tree {
  const tree = new Tree(EPOCH);
  putAccounts(tree, accounts, EPOCH);
  return tree;
}
const user = (name: string, uid: number, more: Partial<User> = {}): User => ({
  name,
  uid,
  gid: uid,
  home: '/nonexistent',
  ...more,
});
const lineOf = (tree: Tree, file: string, name: string): string | undefined =>
  textOf(tree, `etc/${file}`)
    ?.split('\n')
    .find(line => line.startsWith(`${name}:`));

t.test('a user gets a group, a home and a locked password', async t => {
  const tree = accountsOf({
    users: [user('rancher', 1100, { home: '/home/rancher', shell: '/bin/bash', groups: ['sudo'] })],
  });
  t.equal(lineOf(tree, 'passwd', 'rancher'), 'rancher:x:1100:1100:rancher:/home/rancher:/bin/bash');
  t.equal(lineOf(tree, 'shadow', 'rancher'), 'rancher:*:19000:0:99999:7:::');
  t.equal(lineOf(tree, 'group', 'rancher'), 'rancher:x:1100:');
  t.equal(lineOf(tree, 'group', 'sudo'), 'sudo:x:27:rancher');
  t.equal(lineOf(tree, 'gshadow', 'sudo'), 'sudo:*::rancher');
  t.match(tree.get('home/rancher'), { kind: 'directory', uid: 1100, gid: 1100 });
});

t.test('nobody may read the passwords, and nobody has one', async t => {
  const tree = accountsOf({});
  t.match(tree.get('etc/shadow'), { mode: 0o640, gid: 42 });
  t.match(tree.get('etc/gshadow'), { mode: 0o640, gid: 42 });
  const passwords = textOf(tree, 'etc/shadow')
    ?.split('\n')
    .filter(Boolean)
    .map(line => line.split(':')[1]);
  t.same([...new Set(passwords)], ['*']);
});

t.test('a daemon has no home made and cannot log in', async t => {
  const tree = accountsOf({ users: [user('_chrony', 101, { home: '/var/lib/chrony' })] });
  t.match(lineOf(tree, 'passwd', '_chrony'), '/usr/sbin/nologin');
  t.notOk(tree.has('var/lib/chrony'));
});

t.test('root can be given another shell', async t => {
  const tree = accountsOf({ users: [user('root', 0, { home: '/root', shell: '/bin/bash' })] });
  t.equal(lineOf(tree, 'passwd', 'root'), 'root:x:0:0:root:/root:/bin/bash');
});

const FAULTS: readonly [string, Accounts, { readonly code: string; readonly hint?: string }][] = [
  ['a name twice', { users: [user('a', 101), user('a', 102)] }, { code: 'ACCOUNT_CONFLICT' }],
  ['a uid twice', { users: [user('a', 101), user('b', 101)] }, { code: 'ACCOUNT_CONFLICT' }],
  ['a second user 0', { users: [user('toor', 0)] }, { code: 'ACCOUNT_CONFLICT' }],
  ['a gid twice', { groups: [{ name: 'a', gid: 27, members: [] }] }, { code: 'ACCOUNT_CONFLICT' }],
  [
    'a group that is not there',
    { users: [user('a', 101, { groups: ['wheel'] })] },
    { code: 'ACCOUNT_UNKNOWN_GROUP', hint: 'add wheel to "groups" of the recipe' },
  ],
  [
    'a line break in a field',
    { users: [user('a', 101, { gecos: 'x\nroot::0:0' })] },
    { code: 'ACCOUNT_MALFORMED' },
  ],
  ['a colon in a field', { users: [user('a', 101, { shell: '/bin/sh:' })] }, { code: 'ACCOUNT_MALFORMED' }],
];

for (const [what, accounts, error] of FAULTS) {
  t.throws(() => accountsOf(accounts), error, `refused: ${what}`);
}
