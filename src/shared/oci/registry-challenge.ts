/** One challenge of a WWW-Authenticate header (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const MAX_HEADER = 8192;

/** The challenges of a WWW-Authenticate header; what can't be read is left out. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const text = header.slice(0, MAX_HEADER);
  // A parameter is `name=token` or `name="quoted"`; a word without `=` begins the next challenge.
  const item =
    /[\s,]*(?:([A-Za-z0-9._~+-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([A-Za-z0-9._~+-]+)(?![A-Za-z0-9._~+-]|\s*=))/gy;
  for (let found = item.exec(text); found !== null; found = item.exec(text)) {
    const [, name, quoted, token, scheme] = found;
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    else if (name !== undefined) {
      const value = quoted === undefined ? (token ?? '') : quoted.replace(/\\(.)/g, '$1');
      challenges.at(-1)?.parameters.set(name.toLowerCase(), value);
    }
  }
  return challenges;
}

/** True for names and addresses that can only be this computer. */
export function isLoopback(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, '');
  return (
    name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name)
  );
}

/**
 * Whether a token server on `realm` may get the credentials of a registry on `registry` (host names
 * without ports): the same host, or two hosts of one domain, as registry-1.docker.io and auth.docker.io.
 */
export function isSameSite(realm: string, registry: string): boolean {
  if (realm === registry) return true;
  if (!/[a-z]/i.test(realm.split('.').at(-1) ?? '') || !/[a-z]/i.test(registry.split('.').at(-1) ?? ''))
    return false;
  const site = siteOf(registry);
  return site !== undefined && siteOf(realm) === site;
}

/** The last two labels; three where the last two look like a country's public suffix (`co.uk`). */
function siteOf(host: string): string | undefined {
  const labels = host.toLowerCase().split('.');
  const [second = '', top = ''] = labels.slice(-2);
  const count = top.length === 2 && second.length <= 3 ? 3 : 2;
  return labels.length >= count ? labels.slice(-count).join('.') : undefined;
}
