/**
 * Debian version numbers, `[epoch:]upstream[-revision]`, ordered as Debian Policy 5.6.12 says.
 */

/** How a dependency restricts a version. */
export type VersionOperator = '<<' | '<=' | '=' | '>=' | '>>';

const WELL_FORMED = /^(?:\d{1,9}:[0-9A-Za-z.+~:-]+|[0-9A-Za-z.+~-]+)$/;

/** True for text that Policy allows as a version (a digit at its start is not insisted on). */
export function isVersion(text: string): boolean {
  return text.length <= 200 && WELL_FORMED.test(text);
}

/** Negative, 0 or positive as `a` is older than, the same as or newer than `b`. */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  const left = splitVersion(a);
  const right = splitVersion(b);
  return (
    left.epoch - right.epoch ||
    compareParts(left.upstream, right.upstream) ||
    compareParts(left.revision, right.revision)
  );
}

/** Whether `version` is `operator` `wanted`. */
export function satisfiesVersion(version: string, operator: VersionOperator, wanted: string): boolean {
  const order = compareVersions(version, wanted);
  switch (operator) {
    case '<<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
    case '>=':
      return order >= 0;
    case '>>':
      return order > 0;
  }
}

function splitVersion(text: string): { epoch: number; upstream: string; revision: string } {
  const colon = text.indexOf(':');
  const rest = text.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? 0 : Number(text.slice(0, colon)),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    // A missing revision is the same as 0.
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

/** Compares by turns a run without digits, character by character, and a number. */
function compareParts(a: string, b: string): number {
  let left = 0;
  let right = 0;
  while (left < a.length || right < b.length) {
    while ((left < a.length && !isDigit(a, left)) || (right < b.length && !isDigit(b, right))) {
      const order = weight(a, left) - weight(b, right);
      if (order !== 0) return order;
      left++;
      right++;
    }
    while (a[left] === '0') left++;
    while (b[right] === '0') right++;
    let firstDifference = 0;
    while (isDigit(a, left) && isDigit(b, right)) {
      firstDifference ||= a.charCodeAt(left) - b.charCodeAt(right);
      left++;
      right++;
    }
    if (isDigit(a, left)) return 1;
    if (isDigit(b, right)) return -1;
    if (firstDifference !== 0) return firstDifference;
  }
  return 0;
}

/** `~` before the end and digits, those before letters, those before everything else. */
function weight(text: string, index: number): number {
  if (index >= text.length || isDigit(text, index)) return 0;
  const code = text.charCodeAt(index);
  if (code === 0x7e) return -1;
  const isLetter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
  return isLetter ? code : code + 256;
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0x30 && code <= 0x39;
}
