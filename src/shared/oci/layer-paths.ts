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

/** A folder before what it holds; names by their UTF-8 bytes. */
export function comparePaths(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a.replaceAll('/', '\0')), Buffer.from(b.replaceAll('/', '\0')));
}
