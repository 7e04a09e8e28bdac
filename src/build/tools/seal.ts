/**
 * Files of the build host that Debian's programs open by names built into them, and that no option or
 * variable turns off: the loader's preload list and library folders, the C library's name service and
 * its modules, configuration of mtools. A library that is missing among the tools must be an error
 * instead of the host's one, and a host's settings must not change a build.
 */
const HOST_PATHS = [
  '/etc/ld.so.preload',
  '/etc/ld.so.cache',
  '/lib/x86_64-linux-gnu/',
  '/usr/lib/x86_64-linux-gnu/',
  '/lib/aarch64-linux-gnu/',
  '/usr/lib/aarch64-linux-gnu/',
  '/usr/lib/',
  '/lib/',
  '/etc/nsswitch.conf',
  '/etc/passwd',
  '/etc/group',
  '/usr/lib/x86_64-linux-gnu/gconv',
  '/usr/lib/aarch64-linux-gnu/gconv',
  '/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache',
  '/usr/lib/aarch64-linux-gnu/gconv/gconv-modules.cache',
  '/etc/mtools.conf',
  '/etc/default/mtools.conf',
  '/etc/mtools',
  '/etc/default/mtools',
] as const;

/** File names (without folder) that `sealHostPaths` is for. */
export const SEALED_FILES: ReadonlySet<string> = new Set([
  'ld-linux-x86-64.so.2',
  'ld-linux-aarch64.so.1',
  'libc.so.6',
  'mtools',
]);

/**
 * A copy of a program whose built-in names of host files name nothing: `/etc/group` becomes
 * `/0tc/group`. Only the second character changes, since linkers let a string that is the end of
 * another one ("group", ".conf") be part of it.
 */
export function sealHostPaths(program: Uint8Array): Buffer {
  const sealed = Buffer.from(program);
  for (const path of HOST_PATHS) {
    const wanted = Buffer.from(`\0${path}\0`);
    for (let at = sealed.indexOf(wanted); at !== -1; at = sealed.indexOf(wanted, at + 1)) {
      sealed.write('0', at + 2, 'latin1');
    }
  }
  return sealed;
}
