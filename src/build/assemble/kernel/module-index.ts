import type { Tree } from '../../tree/tree.ts';
import { formatIndex } from './index-trie.ts';
import type { ModuleInfo } from './modinfo.ts';

export interface IndexedModule {
  /** Below the folder of the release: `kernel/fs/ext4/ext4.ko`. */
  readonly path: string;
  readonly info: ModuleInfo;
}

export interface ModuleIndexInput {
  /** usr/lib/modules/RELEASE */
  readonly folder: string;
  /** In the order of the kernel's modules.order, which is that of preference among equal aliases. */
  readonly modules: readonly IndexedModule[];
  /** Texts of the kernel package. */
  readonly builtin: string;
  readonly builtinModinfo: Uint8Array;
  readonly builtinInfo: ReadonlyMap<string, ModuleInfo>;
}

/**
 * Writes what `depmod` makes of a folder of modules (modules.dep(5)): text indexes, which busybox reads,
 * and the binary ones for libkmod. Dependencies outside of the given modules are not written: they are
 * built in.
 */
export function putModuleIndexes(tree: Tree, input: ModuleIndexInput): void {
  const { folder, modules } = input;
  const byName = new Map(modules.map(module => [module.info.name, module]));
  const priority = new Map(modules.map((module, index) => [module.info.name, index]));
  const lines = (items: readonly string[]): string => items.map(item => `${item}\n`).join('');

  const dep = modules.map(module => ({
    module,
    line: [`${module.path}:`, ...dependenciesOf(module, byName).map(item => item.path)].join(' '),
  }));
  tree.file(`${folder}/modules.dep`, lines(dep.map(item => item.line)));
  tree.file(
    `${folder}/modules.dep.bin`,
    formatIndex(
      dep.map(({ module, line }) => ({
        key: module.info.name,
        value: line,
        priority: priority.get(module.info.name) ?? 0,
      })),
    ),
  );

  const aliases = modules.flatMap(({ info }) => info.aliases.map(alias => ({ alias, name: info.name })));
  tree.file(
    `${folder}/modules.alias`,
    lines([
      '# Aliases extracted from modules themselves.',
      ...aliases.map(a => `alias ${a.alias} ${a.name}`),
    ]),
  );
  tree.file(
    `${folder}/modules.alias.bin`,
    formatIndex(
      aliases.map(a => ({
        key: normalizeAlias(a.alias),
        value: a.name,
        priority: priority.get(a.name) ?? 0,
      })),
    ),
  );

  tree.file(
    `${folder}/modules.softdep`,
    lines([
      '# Soft dependencies extracted from modules themselves.',
      ...modules.flatMap(({ info }) => info.softdeps.map(softdep => `softdep ${info.name} ${softdep}`)),
    ]),
  );
  tree.file(`${folder}/modules.devname`, lines(deviceNodes(modules)));
  tree.file(`${folder}/modules.order`, lines(modules.map(module => module.path)));

  const builtin = input.builtin.split('\n').filter(Boolean);
  tree.file(`${folder}/modules.builtin`, lines(builtin));
  tree.file(`${folder}/modules.builtin.modinfo`, input.builtinModinfo);
  tree.file(
    `${folder}/modules.builtin.bin`,
    formatIndex(builtin.map(path => ({ key: nameOfPath(path), value: '', priority: 0 }))),
  );
  tree.file(
    `${folder}/modules.builtin.alias.bin`,
    formatIndex(
      [...input.builtinInfo.values()].flatMap(info =>
        info.aliases.map(alias => ({ key: normalizeAlias(alias), value: info.name, priority: 0 })),
      ),
    ),
  );
  // Nothing here asks for a module by a symbol; libkmod wants the file.
  tree.file(`${folder}/modules.symbols`, '# Aliases for symbols, used by symbol_request().\n');
  tree.file(`${folder}/modules.symbols.bin`, formatIndex([]));
}

/** All modules that `module` needs; loading them from the last to the first satisfies every one. */
export function dependenciesOf(
  module: IndexedModule,
  byName: ReadonlyMap<string, IndexedModule>,
): IndexedModule[] {
  const order: IndexedModule[] = [];
  const seen = new Set([module.info.name]);
  const visit = (current: IndexedModule): void => {
    for (const name of current.info.depends) {
      const needed = byName.get(name);
      if (!needed || seen.has(name)) continue;
      seen.add(name);
      visit(needed);
      order.push(needed);
    }
  };
  visit(module);
  return order.reverse();
}

/** Outside of brackets `-` and `_` are the same, as in names of modules. */
export function normalizeAlias(alias: string): string {
  return alias
    .split(/(\[[^\]]*\])/)
    .map((part, index) => (index % 2 === 0 ? part.replaceAll('-', '_') : part))
    .join('');
}

/** Nodes of devices that exist before their module is loaded: `NAME NODE c10:237`. */
function deviceNodes(modules: readonly IndexedModule[]): string[] {
  const lines = ['# Device nodes to trigger on-demand module loading.'];
  for (const { info } of modules) {
    const name = info.aliases.map(alias => /^devname:(.+)$/.exec(alias)?.[1]).find(Boolean);
    const numbers = info.aliases
      .map(alias => /^(char|block)-major-(\d+)-(\d+)$/.exec(alias))
      .find(match => match !== null);
    if (name && numbers) {
      lines.push(`${info.name} ${name} ${numbers[1] === 'char' ? 'c' : 'b'}${numbers[2]}:${numbers[3]}`);
    }
  }
  return lines.length > 1 ? lines : [];
}

function nameOfPath(path: string): string {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/\.ko$/, '')
    .replaceAll('-', '_');
}
