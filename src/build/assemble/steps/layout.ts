import type { Arch } from '../../../shared/arch.ts';
import type { Tree } from '../../tree/tree.ts';

/** Links of a merged /usr; `lib64` holds the dynamic loader's name on amd64. */
export function putMergedUsr(tree: Tree, arch: Arch): void {
  for (const name of ['bin', 'sbin', 'lib', ...(arch === 'amd64' ? ['lib64'] : [])]) {
    tree.directory(`usr/${name}`);
    tree.symlink(name, `usr/${name}`);
  }
}

/**
 * The folders every root has, among them the places where the machine mounts something. /var/run and
 * /var/lock lead to /run as in Debian.
 */
export function putBaseFolders(tree: Tree): void {
  for (const path of [
    'dev',
    'etc',
    'home',
    'mnt',
    'proc',
    'run',
    'sys',
    'usr',
    'var/cache',
    'var/lib',
    'var/log',
  ])
    tree.directory(path);
  tree.directory('root', { mode: 0o700 });
  tree.directory('tmp', { mode: 0o1777 });
  tree.directory('var/tmp', { mode: 0o1777 });
  tree.symlink('var/run', '/run');
  tree.symlink('var/lock', '/run/lock');
}

/** Name lookup without any service, and files that a runtime mounts its own over. */
export function putBaseFiles(tree: Tree): void {
  const unlessThere = (path: string, text: string): void => {
    if (!tree.has(path)) tree.file(path, text);
  };
  unlessThere(
    'etc/nsswitch.conf',
    [
      'passwd: files',
      'group: files',
      'shadow: files',
      'gshadow: files',
      'hosts: files dns',
      'networks: files',
      'protocols: files',
      'services: files',
      'ethers: files',
      'rpc: files',
      '',
    ].join('\n'),
  );
  unlessThere('etc/hosts', '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n');
  unlessThere('etc/hostname', 'localhost\n');
  unlessThere('etc/motd', '');
  unlessThere('etc/resolv.conf', '');
}
