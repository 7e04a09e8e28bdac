/** `1.5 s`, `320 ms`, `2 min 05 s` */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** Decimal units as on a medium's label: `12.3 MB`, `640 kB`, `17 B`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(0)} kB`;
  if (bytes < 1_000_000_000) return `${(bytes / 1_000_000).toFixed(1)} MB`;
  return `${(bytes / 1_000_000_000).toFixed(2)} GB`;
}

/** Text from outside made safe for a terminal: control characters become visible escapes, newlines stay. */
export function stripControls(text: string): string {
  return text.replace(
    // eslint-disable-next-line no-control-regex -- they are what is looked for
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    c => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** A message made fit to be shown or logged: control characters visible, passwords and tokens left out. */
export function printable(text: string): string {
  return stripControls(redactCredentials(text));
}

/** Text without what logs in somewhere: users and passwords of URLs, signed queries, authorization headers. */
function redactCredentials(text: string): string {
  return text
    .replace(/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@"'<>]+@/gi, '$1***@')
    .replace(/([?&](?:[\w-]*(?:token|signature|password|secret)|sig)=)[^&\s"']+/gi, '$1***')
    .replace(/\b(Basic|Bearer) [A-Za-z0-9+/=._~-]{8,}/g, '$1 ***');
}
