import type { RawManifest } from './manifest.ts';

/**
 * Several manifest files as one, as LinuxKit merges them: single values of a later file win, lists are
 * joined in the order of the files. In `kernel`, `state` and `sysctl` each key is merged by itself; in
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
    for (const key of ['engine', 'trust', 'state', 'sysctl'] as const) {
      const joined = { ...merged[key], ...file[key] };
      if (Object.keys(joined).length > 0) Object.assign(next, { [key]: joined });
    }
    merged = next;
  }
  return merged;
}
