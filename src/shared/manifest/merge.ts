import type { RawManifest } from './manifest.ts';

/**
 * Several manifest files as one, as LinuxKit merges them: single values of a later file win, lists are
 * joined in the order of the files. In `kernel`, `engine`, `state` and `sysctl` each key is merged by itself; in
 * `engine` and `trust` a later list replaces an earlier one, so that joining files never widens trust unseen.
 */
export function mergeManifests(files: readonly RawManifest[]): RawManifest {
  let merged: RawManifest = {};
  for (const file of files) {
    const kernel = { ...merged.kernel, ...file.kernel };
    for (const key of ['platforms', 'modules', 'firmware'] as const) {
      const joined = [...(merged.kernel?.[key] ?? []), ...(file.kernel?.[key] ?? [])];
      if (joined.length > 0) Object.assign(kernel, { [key]: [...new Set(joined)] });
    }
    const next: RawManifest = { ...merged, ...file };
    if (Object.keys(kernel).length > 0) next.kernel = kernel;
    for (const key of ['init', 'onboot', 'services', 'onshutdown', 'files'] as const) {
      const joined = [...(merged[key] ?? []), ...(file[key] ?? [])];
      if (joined.length > 0) Object.assign(next, { [key]: joined });
    }
    if (file.engine !== undefined) next.engine = joinMappings(merged.engine ?? {}, file.engine);
    for (const key of ['trust', 'state', 'sysctl'] as const) {
      const joined = { ...merged[key], ...file[key] };
      if (Object.keys(joined).length > 0) Object.assign(next, { [key]: joined });
    }
    merged = next;
  }
  return merged;
}

/** Mappings as one, those inside too; of everything else the later one. */
function joinMappings<T extends object>(earlier: T, later: T): T {
  const joined = { ...earlier } as Record<string, unknown>;
  for (const [key, value] of Object.entries(later)) {
    const before = joined[key];
    joined[key] = isMapping(before) && isMapping(value) ? joinMappings(before, value) : value;
  }
  return joined as T;
}

function isMapping(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
