import { parseElf, sectionBytes } from '../elf.ts';

/** What a module says about itself in its `.modinfo` section. Names have `_` where file names may have `-`. */
export interface ModuleInfo {
  readonly name: string;
  readonly depends: readonly string[];
  /** Modules to load before and after, where they exist: texts as in modules.softdep, `pre: a b post: c`. */
  readonly softdeps: readonly string[];
  /** Patterns of devices and other names that ask for this module. */
  readonly aliases: readonly string[];
  /** Names of firmware files, or patterns of them. */
  readonly firmware: readonly string[];
  /** Built for this kernel: `RELEASE SMP preempt …`. */
  readonly vermagic: string;
}

/** Reads a module's `.modinfo` section. Throws ELF_MALFORMED. */
export function parseModuleInfo(bytes: Uint8Array, name: string): ModuleInfo {
  const section = sectionBytes(bytes, parseElf(bytes, name), '.modinfo') ?? new Uint8Array();
  return moduleInfoFrom(moduleName(name), splitModinfo(section).map(splitField));
}

/**
 * Reads modules.builtin.modinfo: what would be in the `.modinfo` of each module that is built in, fields
 * as `MODULE.KEY=VALUE` ended by NUL. By module name.
 */
export function parseBuiltinModinfo(bytes: Uint8Array): Map<string, ModuleInfo> {
  const fields = new Map<string, [key: string, value: string][]>();
  for (const record of splitModinfo(bytes)) {
    const [key, value] = splitField(record);
    const dot = key.indexOf('.');
    if (dot < 0) continue;
    const name = moduleName(key.slice(0, dot));
    const list = fields.get(name) ?? [];
    list.push([key.slice(dot + 1), value]);
    fields.set(name, list);
  }
  return new Map([...fields].map(([name, list]) => [name, moduleInfoFrom(name, list)]));
}

/** The name of a module by its file: without folder and extension, `-` as `_`. */
export function moduleName(file: string): string {
  const base = file.slice(file.lastIndexOf('/') + 1);
  return base.replace(/\.ko(\.[a-z0-9]+)?$/, '').replaceAll('-', '_');
}

/** Names of modules that soft dependencies name. */
export function softdepNames(softdeps: readonly string[], when: 'pre' | 'post'): string[] {
  const names: string[] = [];
  for (const softdep of softdeps) {
    let mode = '';
    for (const word of softdep.split(/\s+/).filter(Boolean)) {
      if (word.endsWith(':')) mode = word.slice(0, -1);
      else if (mode === when) names.push(word.replaceAll('-', '_'));
    }
  }
  return names;
}

function moduleInfoFrom(
  name: string,
  fields: readonly (readonly [key: string, value: string])[],
): ModuleInfo {
  const values = (key: string): string[] => fields.filter(([k]) => k === key).map(([, value]) => value);
  return {
    name,
    depends: values('depends')
      .flatMap(value => value.split(','))
      .filter(Boolean)
      .map(value => value.replaceAll('-', '_')),
    softdeps: values('softdep'),
    aliases: values('alias'),
    firmware: values('firmware'),
    vermagic: values('vermagic')[0] ?? '',
  };
}

function splitModinfo(section: Uint8Array): string[] {
  return Buffer.from(section).toString('latin1').split('\0').filter(Boolean);
}

function splitField(record: string): [key: string, value: string] {
  const equals = record.indexOf('=');
  return equals < 0 ? [record, ''] : [record.slice(0, equals), record.slice(equals + 1)];
}
