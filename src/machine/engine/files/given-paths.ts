/**
 * What is made in every container's files for the engine to mount something there: where the image does not
 * have it, it is no change of the container's.
 */
export const GIVEN_PATHS: readonly string[] = [
  '/dev',
  '/proc',
  '/sys',
  '/etc/hosts',
  '/etc/hostname',
  '/etc/resolv.conf',
];
