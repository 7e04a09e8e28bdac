import type * as Https from 'node:https';

/**
 * Node's https module, loaded when it is asked for: TLS takes 3 MB of memory of its own, and most machines are
 * asked for it never or late.
 */
export function nodeHttps(): typeof Https {
  return process.getBuiltinModule('node:https');
}
