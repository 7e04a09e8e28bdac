import { closeSync, openSync, readFileSync } from 'node:fs';

/** open(2): names a place without opening what is there; the same number on amd64 and arm64. */
const O_PATH = 0o10000000;

/** Restrictions that a mount can have. */
const FLAGS: readonly string[] = ['ro', 'nosuid', 'nodev', 'noexec', 'nosymfollow'];

/** The restrictions of the mount on which a path lies, links followed, e.g. `nosuid`. Throws the system's error. */
export function readMountFlags(path: string): string[] {
  const place = openSync(path, O_PATH);
  try {
    const id = /^mnt_id:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${place}`, 'utf8'))?.[1];
    return parseMountFlags(readFileSync('/proc/self/mountinfo', 'utf8'), id ?? '');
  } finally {
    closeSync(place);
  }
}

/** The restrictions of the mount with this id in a mountinfo text (proc(5)); none for one that is not in it. */
export function parseMountFlags(mountinfo: string, id: string): string[] {
  const fields = mountinfo
    .split('\n')
    .map(line => line.split(' '))
    .find(line => line[0] === id);
  return (fields?.[5] ?? '').split(',').filter(option => FLAGS.includes(option));
}
