import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { PlannedMount } from '../../../../../src/machine/engine/runtime/oci-mounts.ts';
import { withSourceFlags } from '../../../../../src/machine/engine/runtime/source-flags.ts';
import { parseMountFlags, readMountFlags } from '../../../../../src/machine/host/mount-flags.ts';

const bind = (...options: string[]): PlannedMount => ({
  type: 'bind',
  source: '/state',
  destination: '/data',
  options: ['rbind', 'rprivate', ...options],
  makeSource: true,
});

t.test('a bind keeps the restrictions of its source, unless the request lifts them', async t => {
  const flags = () => ['nosuid', 'nodev'];
  t.same(withSourceFlags(bind(), flags).options, ['rbind', 'rprivate', 'nosuid', 'nodev']);
  t.same(withSourceFlags(bind('ro', 'nodev'), flags).options, ['rbind', 'rprivate', 'ro', 'nodev', 'nosuid']);
  t.same(withSourceFlags(bind('suid'), flags).options, ['rbind', 'rprivate', 'suid', 'nodev']);
  t.same(
    withSourceFlags(bind(), () => ['ro']).options,
    ['rbind', 'rprivate', 'ro'],
    'it does not become writable',
  );
  const tmpfs = { ...bind(), type: 'tmpfs' };
  t.equal(withSourceFlags(tmpfs, flags), tmpfs);
});

t.test('restrictions are those of the mount, not of its file system', async t => {
  const mountinfo = [
    '22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda rw',
    '23 22 0:21 / /state ro,nosuid,nodev,relatime - ext4 /dev/vdb ro,noexec',
  ].join('\n');
  t.same(parseMountFlags(mountinfo, '23'), ['ro', 'nosuid', 'nodev']);
  t.same(parseMountFlags(mountinfo, '22'), []);
  t.same(parseMountFlags(mountinfo, '2'), []);
});

t.test('the mount of a path is found, also through a link', async t => {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  for (const point of ['/', '/proc', '/sys', '/dev/pts']) {
    const [id = ''] = lines.findLast(line => line.split(' ')[4] === point)?.split(' ') ?? [];
    t.same(readMountFlags(point), parseMountFlags(lines.join('\n'), id), point);
  }
  const link = join(t.testdir({ link: t.fixture('symlink', '/proc/version') }), 'link');
  t.same(readMountFlags(link), readMountFlags('/proc'));
  t.throws(() => readMountFlags('/no/such/place'), { code: 'ENOENT' });
});
