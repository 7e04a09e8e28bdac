/** A URL as messages may show it: without user name, password, query and fragment; printable. */
export function redactUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed) return '(malformed address)';
  const query = parsed.search === '' ? '' : '?…';
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}${query}`.replace(/[^\x20-\x7e…]/g, '?');
}
