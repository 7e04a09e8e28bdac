import t from 'tap';
import { parseMountPoints } from '../../../../../src/machine/host/mounts.ts';
import { parseBind, planMounts } from '../../../../../src/machine/engine/runtime/oci-mounts.ts';

const none = { hostIpc: false, hostPid: false, hasCgroup: false };

t.test('binds', async t => {
  t.match(parseBind('/a:/b'), {
    type: 'bind',
    source: '/a',
    destination: '/b',
    options: ['rbind', 'rprivate'],
    makeSource: true,
  });
  t.match(parseBind('/a/../c:/b/:ro,Z'), {
    source: '/c',
    destination: '/b',
    options: ['rbind', 'rprivate', 'ro'],
  });
  t.match(parseBind('/a:/b:bind,rslave,noexec'), { options: ['bind', 'rslave', 'noexec'] });
});

t.test('a mount takes the place of a default one; /dev of everything below it', async t => {
  const planned = planMounts({ Binds: ['/dev:/dev', '/run:/run'], Tmpfs: { '/run/x': '' } }, undefined, none);
  t.same(
    planned.map(({ destination, type }) => `${destination} ${type}`),
    ['/proc proc', '/sys sysfs', '/dev bind', '/run bind', '/run/x tmpfs'],
  );
});

t.test('shallow mounts come before those below them', async t => {
  const planned = planMounts({ Binds: ['/1:/a/b/c', '/2:/a', '/3:/a/b'] }, undefined, none);
  t.same(
    planned.slice(-3).map(({ destination }) => destination),
    ['/a', '/a/b', '/a/b/c'],
  );
});

t.test("the host's ipc namespace brings its mounts", async t => {
  const planned = planMounts({}, undefined, { ...none, hostIpc: true });
  t.match(
    planned.find(({ destination }) => destination === '/dev/shm'),
    { type: 'bind', source: '/dev/shm' },
  );
});

t.test('mount points of mountinfo, with blanks in their names', async t => {
  t.same(parseMountPoints('1 2 0:1 / /a rw - tmpfs t rw\n3 2 0:1 / /b\\040c rw - tmpfs t rw\n'), [
    '/a',
    '/b c',
  ]);
});
