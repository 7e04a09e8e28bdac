import t from 'tap';
import { resolveUser } from '../../../../../src/machine/engine/runtime/user-lookup.ts';

const files = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:100::/home/app:/bin/sh\n',
  group: 'root:x:0:\nusers:x:100:\nextra:x:200:other,app\n',
};

t.test('users and groups', async t => {
  const cases: readonly [string, object][] = [
    ['', { uid: 0, gid: 0, home: '/root' }],
    ['app', { uid: 1000, gid: 100, additionalGids: [200], home: '/home/app' }],
    ['1000', { uid: 1000, gid: 100, additionalGids: [200] }],
    ['app:extra', { uid: 1000, gid: 200, additionalGids: [] }],
    ['5:6', { uid: 5, gid: 6, additionalGids: [], home: '/' }],
    ['77', { uid: 77, gid: 0 }],
  ];
  for (const [text, user] of cases) t.match(resolveUser(text, [], files), user, text);
  t.match(resolveUser('app', ['users', '300'], files), { additionalGids: [200, 300] });
  t.match(resolveUser('0', [], { passwd: undefined, group: undefined }), { uid: 0, home: '/' });
});

t.test('unknown ones are refused in Docker’s words', async t => {
  t.throws(() => resolveUser('nobody', [], files), {
    message: 'unable to find user nobody: no matching entries in passwd file',
  });
  t.throws(() => resolveUser('app:wheel', [], files), {
    message: 'unable to find group wheel: no matching entries in group file',
  });
  t.throws(() => resolveUser('a:b:c', [], files), { message: 'invalid user format: a:b:c' });
  t.throws(() => resolveUser('99999999999', [], files));
});
