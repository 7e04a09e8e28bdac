import { ARCHES } from '../../shared/arch.ts';
import type { Lock } from './lock.ts';

const NONE = '(none)';

/**
 * What changed between two locks, a line each: `name old -> new`, with `(none)` for what is new or gone.
 * Packages are compared by name; a change that is not the same for every architecture of both locks names
 * the architectures: `name old -> new [amd64]`. Suites, recipes, files, images and Node come first.
 */
export function diffLocks(before: Lock, after: Lock): string[] {
  const groups = [describeGeneral, describeArches, describeTools].map(describe => {
    const old = describe(before);
    const now = describe(after);
    const lines: string[] = [];
    for (const name of [...new Set([...old.keys(), ...now.keys()])].sort()) {
      const [from, to] = [old.get(name) ?? NONE, now.get(name) ?? NONE];
      if (from !== to) lines.push(`${name}\0${from} -> ${to}`);
    }
    return mergeArches(lines, [...new Set([...archesOf(before), ...archesOf(after)])]);
  });
  return groups.flat();
}

/** Joins lines `ARCH/NAME\0CHANGE` that are equal for several architectures. */
function mergeArches(lines: readonly string[], arches: readonly string[]): string[] {
  const merged = new Map<string, string[]>();
  for (const line of lines) {
    const [, arch = '', rest = line] = /^(amd64|arm64)\/(.*)$/s.exec(line) ?? [];
    const found = merged.get(rest);
    if (found) found.push(arch);
    else merged.set(rest, [arch]);
  }
  return [...merged]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([rest, changed]) => {
      const isEverywhere = changed.includes('') || arches.every(arch => changed.includes(arch));
      return rest.replace('\0', ' ') + (isEverywhere ? '' : ` [${changed.join(', ')}]`);
    });
}

function archesOf(lock: Lock): string[] {
  return ARCHES.filter(arch => lock.architectures[arch]);
}

function describeGeneral(lock: Lock): Map<string, string> {
  return new Map([
    ...Object.entries(lock.files).map(([path, digest]): [string, string] => [`file /${path}`, short(digest)]),
    ...lock.suites.map((suite): [string, string] => [suite.suite, suite.date]),
    ...Object.entries(lock.recipes).map(([name, digest]): [string, string] => [
      `recipe ${name}`,
      short(digest),
    ]),
  ]);
}

function describeArches(lock: Lock): Map<string, string> {
  const described = new Map<string, string>();
  for (const arch of ARCHES) {
    const locked = lock.architectures[arch];
    if (!locked) continue;
    described.set(`${arch}/node`, locked.node.version);
    for (const [name, image] of Object.entries(locked.images)) {
      described.set(`${arch}/image ${name}`, short(image.manifest.digest));
    }
    for (const [name, versions] of versionsOf(locked.packages)) described.set(`${arch}/${name}`, versions);
  }
  return described;
}

function describeTools(lock: Lock): Map<string, string> {
  const described = new Map<string, string>();
  for (const arch of ARCHES) {
    for (const [name, versions] of versionsOf(lock.tools[arch]?.packages ?? {})) {
      described.set(`tool ${name} (${arch})`, versions);
    }
  }
  return described;
}

/** Sets may hold different versions of a package. */
function versionsOf(
  packages: Readonly<Record<string, { readonly name: string; readonly version: string }>>,
): Map<string, string> {
  const versions = new Map<string, string[]>();
  for (const { name, version } of Object.values(packages)) {
    versions.set(name, [...(versions.get(name) ?? []), version].sort());
  }
  return new Map([...versions].map(([name, list]) => [name, list.join(', ')]));
}

function short(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12);
}
