import { ToolError } from '../../../shared/errors.ts';
import { compileGlob } from '../glob.ts';
import { type ModuleInfo, moduleName, softdepNames } from './modinfo.ts';

/** The modules a kernel has: names, with `_`, to paths below the folder of the release. */
export interface ModuleCatalog {
  readonly paths: ReadonlyMap<string, string>;
  readonly builtin: ReadonlySet<string>;
}

/**
 * The names that entries (names of modules, or patterns with a `/`) stand for; what is built in is left
 * out. Throws KERNEL_MODULE_UNKNOWN for an entry that stands for nothing.
 */
export function expandEntries(entries: readonly string[], catalog: ModuleCatalog): Set<string> {
  const names = new Set<string>();
  for (const entry of entries) {
    if (entry.includes('/')) {
      const pattern = compileGlob(`kernel/${entry.replace(/^kernel\//, '')}`);
      const matches = [...catalog.paths].filter(([, path]) => pattern.test(path) || pattern.test(stem(path)));
      const isBuiltin = [...catalog.builtin].length > 0 && matches.length === 0;
      if (isBuiltin) throw unknown(entry, catalog);
      for (const [name] of matches) names.add(name);
      continue;
    }
    const name = moduleName(entry);
    if (catalog.paths.has(name)) names.add(name);
    else if (!catalog.builtin.has(name)) throw unknown(entry, catalog);
  }
  return names;
}

/**
 * The names with everything they depend on, by hard and by soft dependency. `load` reads what a module
 * says about itself; a soft dependency that the kernel does not have is passed over, a hard one is
 * KERNEL_MODULE_UNKNOWN unless it is built in.
 */
export async function closeOverDependencies(
  names: ReadonlySet<string>,
  catalog: ModuleCatalog,
  load: (names: readonly string[]) => Promise<ReadonlyMap<string, ModuleInfo>>,
): Promise<Map<string, ModuleInfo>> {
  const infos = new Map<string, ModuleInfo>();
  let pending = [...names];
  while (pending.length > 0) {
    const loaded = await load(pending);
    for (const [name, info] of loaded) infos.set(name, info);
    const next = new Set<string>();
    for (const info of loaded.values()) {
      for (const name of info.depends) {
        if (infos.has(name) || catalog.builtin.has(name)) continue;
        if (!catalog.paths.has(name)) throw unknown(name, catalog, info.name);
        next.add(name);
      }
      for (const name of [...softdepNames(info.softdeps, 'pre'), ...softdepNames(info.softdeps, 'post')]) {
        if (!infos.has(name) && catalog.paths.has(name)) next.add(name);
      }
    }
    pending = [...next];
  }
  return infos;
}

function stem(path: string): string {
  return path.replace(/\.ko(\.[a-z0-9]+)?$/, '');
}

function unknown(name: string, catalog: ModuleCatalog, neededBy?: string): ToolError {
  const close = [...catalog.paths.keys()].filter(
    other => other.includes(moduleName(name)) || distanceIsOne(other, moduleName(name)),
  );
  return new ToolError(
    `choosing kernel modules: the kernel has no module "${name}"${neededBy ? `, which ${neededBy} needs` : ''}`,
    {
      code: 'KERNEL_MODULE_UNKNOWN',
      kind: 'not-found',
      ...(close.length > 0 ? { hint: `did you mean ${close.sort().slice(0, 5).join(', ')}?` } : {}),
    },
  );
}

/** Whether one character inserted, removed or replaced makes `a` into `b`. */
function distanceIsOne(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  const restA = a.slice(start);
  const restB = b.slice(start);
  return restA.slice(1) === restB || restA === restB.slice(1) || restA.slice(1) === restB.slice(1);
}
