import t from 'tap';
import { parseMountPoints, parseMountSource } from '../../../../src/machine/host/mounts.ts';

const MOUNTINFO = `22 1 0:20 / / rw - overlay root rw,lowerdir=/x
40 22 253:1 / /state rw,nosuid shared:7 master:1 - ext4 /dev/vda1 rw
41 22 0:30 / /mnt/a\\040b rw - tmpfs - rw
`;

t.test('what is mounted where', async t => {
  t.same(parseMountPoints(MOUNTINFO), ['/', '/state', '/mnt/a b']);
  t.equal(parseMountSource(MOUNTINFO, '/state'), '/dev/vda1');
  t.equal(parseMountSource(MOUNTINFO, '/mnt/a b'), '-');
  t.equal(parseMountSource(MOUNTINFO, '/'), 'root');
  t.equal(parseMountSource(MOUNTINFO, '/none'), undefined);
});
