/**
 * A pattern of paths as recipes write them: `*` and `?` match inside one name, `**` across folders,
 * everything else stands for itself. It matches a path and whatever lies below it. A leading `/` is ignored.
 */
export function compileGlob(pattern: string): RegExp {
  const source = pattern
    .replace(/^\/+|\/+$/g, '')
    .split(/(\*\*\/?|\*|\?)/)
    .map(part => {
      if (part === '**/') return '(?:[^/]+/)*';
      if (part === '**') return '.*';
      if (part === '*') return '[^/]*';
      if (part === '?') return '[^/]';
      return part.replace(/[\\^$.|+()[\]{}]/g, '\\$&');
    })
    .join('');
  return new RegExp(`^${source}(?:/.*)?$`, 's');
}

/** Tells whether a path matches any of the patterns. */
export function compileGlobs(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length === 0) return () => false;
  const whole = new RegExp(patterns.map(pattern => compileGlob(pattern).source).join('|'), 's');
  return path => whole.test(path);
}
