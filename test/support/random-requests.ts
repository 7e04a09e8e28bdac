import { ROUTES } from '../../src/machine/engine-api/routes.ts';

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'PATCH', 'OPTIONS', 'G\0T', ''];
const NAMES = [
  'web',
  'nope',
  '..',
  '%2e%2e%2f',
  '%00',
  '%',
  '__proto__',
  'a'.repeat(5000),
  '\xff',
  'x y',
  '',
];
const KEYS = [
  'all',
  'filters',
  'limit',
  'tail',
  'since',
  'until',
  'name',
  'signal',
  't',
  'h',
  'w',
  'path',
  'size',
];
const VALUES = [
  '1',
  '-1',
  '1e99',
  'true',
  '{}',
  '{"a":[]}',
  '[',
  '%',
  '../..',
  '\u{1f6a2}',
  '9'.repeat(40),
  '',
  'null',
];
const FIELDS = [
  'Image',
  'Cmd',
  'Env',
  'Labels',
  'HostConfig',
  'Tty',
  'Detach',
  'Name',
  'Container',
  'Memory',
  '__proto__',
];

/** Requests made by chance, the same for the same seed. */
export interface RandomRequests {
  /** Bytes for a connection: mostly HTTP, and closed by the server or by a missing rest. */
  request(): Buffer;
}

/** @param seed any whole number */
export function makeRandom(seed: number): RandomRequests {
  let state = seed >>> 0;
  const next = (limit: number): number => {
    // Numerical Recipes' generator; its high bits are the good ones.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const pick = <T>(list: readonly T[]): T => {
    const item = list[next(list.length)];
    if (item === undefined) throw new Error('an empty list');
    return item;
  };
  const value = (depth: number): unknown => {
    switch (next(depth > 4 ? 5 : 7)) {
      case 0:
        return pick([0, -1, 1.5, 1e308, 2 ** 53]);
      case 1:
        return pick(VALUES);
      case 2:
        return null;
      case 3:
        return next(2) === 0;
      case 4:
        return 'x'.repeat(next(5000));
      case 5:
        return Array.from({ length: next(4) }, () => value(depth + 1));
      default:
        return Object.fromEntries(Array.from({ length: next(4) }, () => [pick(FIELDS), value(depth + 1)]));
    }
  };
  const path = (): string => {
    const { pattern } = pick(ROUTES);
    return pattern.source
      .replaceAll(/^\^|\$$/g, '')
      .replaceAll('\\/', '/')
      .replaceAll(/\(\?<\w+>[^)]*\)/g, () => pick(NAMES))
      .replaceAll(/\(([^)]*)\)/g, (_, words: string) => pick(words.split('|')));
  };
  const spoil = (bytes: Buffer): Buffer => {
    if (next(3) > 0) return bytes;
    const spoilt = Buffer.from(bytes);
    for (let count = next(4); count > 0; count -= 1) spoilt[next(spoilt.length)] = next(256);
    return spoilt.subarray(0, next(5) === 0 ? next(spoilt.length) + 1 : spoilt.length);
  };
  return {
    request() {
      const query = Array.from({ length: next(4) }, () => `${pick(KEYS)}=${pick(VALUES)}`).join('&');
      const version = pick(['', '', '/v1.41', '/v1.24', '/v0', '/v1.45']);
      const body = JSON.stringify(value(0));
      const length = next(8) === 0 ? next(1_000_000) : Buffer.byteLength(body);
      // Streams that never end would be waited for.
      const endless = /\/(events|stats|logs|attach|wait)/;
      const target = path();
      const line = `${pick(METHODS)} ${version}${endless.test(target) ? '/info' : target}?${query} HTTP/1.1`;
      const headers = [
        'Host: x',
        'Connection: close',
        `Content-Length: ${length}`,
        `Content-Type: ${pick(['application/json', 'text/plain', 'application/x-tar', ''])}`,
        ...(next(6) === 0 ? [`X-Registry-Auth: ${pick(VALUES)}`] : []),
      ];
      return spoil(Buffer.from(`${line}\r\n${headers.join('\r\n')}\r\n\r\n${body}`, 'latin1'));
    },
  };
}
