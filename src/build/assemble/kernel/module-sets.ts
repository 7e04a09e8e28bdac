import type { Arch } from '../../../shared/arch.ts';
import { ToolError } from '../../../shared/errors.ts';
import { parseYaml } from '../../../shared/yaml/parse.ts';

/** Entries of one set: names of modules, or patterns of paths below the kernel's module folder. */
export interface ModuleSet {
  /** Loaded by the early script by name; in the initrd and in the core. */
  readonly load: readonly string[];
  /** In the initrd, loaded when a device asks; in the core too. */
  readonly initrd: readonly string[];
  readonly core: readonly string[];
}

export interface ModuleSets {
  readonly always: ModuleSet;
  readonly platforms: ReadonlyMap<string, ModuleSet>;
}

/** Reads kernel/modules.yml for one architecture. Throws MODULE_SETS_MALFORMED and what parseYaml throws. */
export function parseModuleSets(text: string, arch: Arch): ModuleSets {
  const fail = (what: string): never => {
    throw new ToolError(`reading kernel/modules.yml: ${what}`, {
      code: 'MODULE_SETS_MALFORMED',
      kind: 'invalid-input',
    });
  };
  const mapping = (value: unknown, where: string): Readonly<Record<string, unknown>> => {
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      return fail(`${where} is not a mapping`);
    return value as Readonly<Record<string, unknown>>;
  };
  const names = (value: unknown, where: string): string[] => {
    if (value === undefined) return [];
    if (!Array.isArray(value)) return fail(`${where} is not a list`);
    return value.flatMap((item: unknown) => {
      const [, name, only] = typeof item === 'string' ? (/^(\S+)(?: @(amd64|arm64))?$/.exec(item) ?? []) : [];
      if (name === undefined) return fail(`${where} holds ${JSON.stringify(item)}`);
      return only === undefined || only === arch ? [name] : [];
    });
  };
  const set = (value: unknown, where: string): ModuleSet => {
    const { load, initrd, core, ...other } = mapping(value, where);
    const [unknown] = Object.keys(other);
    if (unknown !== undefined) fail(`${where} has the unknown key "${unknown}"`);
    return {
      load: names(load, `${where}.load`),
      initrd: names(initrd, `${where}.initrd`),
      core: names(core, `${where}.core`),
    };
  };
  const root = mapping(parseYaml('kernel/modules.yml', text, 'manifest').value, 'it');
  return {
    always: set(root.always, 'always'),
    platforms: new Map(
      Object.entries(mapping(root.platforms, 'platforms')).map(([name, value]) => [
        name,
        set(value, `platforms.${name}`),
      ]),
    ),
  };
}
