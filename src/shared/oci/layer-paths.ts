const SLASH = 0x2f;

/** Whether a link's target climbs above the image's root, by its text alone. */
export function climbsOut(path: string, target: string): boolean {
  let depth = target.startsWith('/') ? 0 : path.split('/').length - 1;
  for (const part of namesOf(target)) {
    if (part === '.') continue;
    depth += part === '..' ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}

/** The names of a path, empty ones left out. */
export function namesOf(path: string): string[] {
  return path.split('/').filter(Boolean);
}

/** The folder that a path lies in; '' for the root's own. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/** A folder before what it holds; names by their UTF-8 bytes. Sorting a layer asks this a million times. */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const one = a.charCodeAt(index);
    const other = b.charCodeAt(index);
    if (one !== other) return rankOf(one) - rankOf(other);
  }
  return a.length - b.length;
}

/** Where UTF-16 is in another order than UTF-8: pairs of surrogates stand for what comes behind all others. */
function rankOf(unit: number): number {
  if (unit === SLASH) return 0;
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit;
}
