import { ARCHES, type Arch } from '../arch.ts';
import { ToolError } from '../errors.ts';
import type { ServiceConfig } from '../schema/manifest.gen.ts';
import type { RecipeFile } from '../schema/system-image.gen.ts';
import { schemaFaults, withoutRepeated } from '../schema/validate.ts';
import { checkServiceConfig } from '../service/config.ts';
import { type Fault, InputError, formatFault, sortFaults } from '../yaml/faults.ts';
import { pointerTo, readYaml } from '../yaml/parse.ts';
import { parseFileSpec } from './file-spec.ts';
import type { FileSpec } from './manifest.ts';

export interface RecipeUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly gecos: string;
  readonly home: string;
  readonly shell: string;
  readonly groups: readonly string[];
}

export interface RecipeGroup {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** A system image's recipe (image.yml), defaults filled in. */
export interface Recipe {
  readonly name: string;
  readonly description: string;
  /** Debian packages: `name`, `name=version` or `name (>= version)`. */
  readonly packages: readonly string[];
  /** Debian packages treated as installed. */
  readonly omit: readonly string[];
  readonly architectures: readonly Arch[];
  /** A `source` is relative to the recipe's folder. */
  readonly files: readonly FileSpec[];
  readonly users: readonly RecipeUser[];
  readonly groups: readonly RecipeGroup[];
  /** Glob patterns without a leading slash. */
  readonly remove: readonly string[];
  /** Path without a leading slash -> target. */
  readonly links: Readonly<Record<string, string>>;
  readonly config: ServiceConfig;
}

/**
 * Reads a recipe. Throws InputError RECIPE_INVALID with every fault.
 *
 * @param name of the recipe; @param file for messages, by default the path in this repository
 */
export function parseRecipe(name: string, text: string, file = `system-images/${name}/image.yml`): Recipe {
  const read = readYaml(file, text, 'manifest');
  if (read.document === undefined) throw new InputError('RECIPE_INVALID', `recipe ${name}`, read.faults);
  const { document } = read;
  const faults: Fault[] = withoutRepeated(read.faults, schemaFaults('recipe', document));
  if (faults.length > 0) throw new InputError('RECIPE_INVALID', `recipe ${name}`, sortFaults(faults, [file]));

  const raw = document.value as RecipeFile;
  const report = (base: string) => (below: string, message: string, hint?: string) => {
    const place = document.placeOf(base + below);
    faults.push({ message, place, ...(hint === undefined ? {} : { hint }) });
  };
  checkServiceConfig(raw.config ?? {}, undefined, report('/config'));
  const files = (raw.files ?? []).flatMap((spec, i) => {
    const pointer = pointerTo('/files', i);
    return parseFileSpec(spec, { place: document.placeOf(pointer), ids: new Map() }, report(pointer)) ?? [];
  });
  for (const path of [...Object.keys(raw.links ?? {}), ...(raw.remove ?? [])]) {
    if (!path.split('/').includes('..')) continue;
    const list = raw.links?.[path] === undefined ? '/remove' : pointerTo('/links', path);
    report(list)('', `${JSON.stringify(path)} holds ".."`, 'write the path from the root');
  }
  checkAccounts(raw, report);
  if (faults.length > 0) throw new InputError('RECIPE_INVALID', `recipe ${name}`, sortFaults(faults, [file]));

  return {
    name,
    description: raw.description,
    packages: raw.packages ?? [],
    omit: raw.omit ?? [],
    architectures: raw.architectures ?? ARCHES,
    files,
    users: (raw.users ?? []).map(user => ({
      name: user.name,
      uid: user.uid,
      gid: user.gid ?? user.uid,
      gecos: user.gecos ?? '',
      home: user.home ?? '/nonexistent',
      shell: user.shell ?? '/usr/sbin/nologin',
      groups: user.groups ?? [],
    })),
    groups: (raw.groups ?? []).map(({ name: group, gid, members = [] }) => ({ name: group, gid, members })),
    remove: (raw.remove ?? []).map(withoutSlash),
    links: Object.fromEntries(
      Object.entries(raw.links ?? {}).map(([path, target]) => [withoutSlash(path), target]),
    ),
    config: raw.config ?? {},
  };
}

/**
 * Reads the label of an image that holds service keys (JSON or YAML, as LinuxKit). Throws
 * IMAGE_LABEL_INVALID with every fault.
 *
 * @param where for messages, e.g. `label org.mobyproject.config of docker.io/library/nginx:1`
 */
export function parseServiceLabel(where: string, text: string): ServiceConfig {
  const refuse = (faults: readonly Fault[]): never => {
    throw new ToolError(`the ${where} is faulty\n\n${faults.map(formatFault).join('\n\n')}`, {
      code: 'IMAGE_LABEL_INVALID',
      kind: 'invalid-input',
      hint: 'give the key in the manifest, or use another image',
    });
  };
  const read = readYaml(where, text, 'manifest');
  if (read.document === undefined || read.faults.length > 0) return refuse(read.faults);
  if (read.document.value === undefined || read.document.value === null) return {};
  const { document } = read;
  const faults = schemaFaults('service-config', document).map(({ fault }) => fault);
  if (faults.length > 0) return refuse(faults);
  const config = document.value as ServiceConfig;
  checkServiceConfig(config, undefined, (below, message, hint) =>
    faults.push({ message, place: document.placeOf(below), ...(hint === undefined ? {} : { hint }) }),
  );
  return faults.length > 0 ? refuse(faults) : config;
}

type Report = (base: string) => (below: string, message: string, hint?: string) => void;

function checkAccounts(raw: RecipeFile, report: Report): void {
  for (const [list, key] of [
    ['users', 'uid'],
    ['groups', 'gid'],
  ] as const) {
    const names = new Set<string>();
    const numbers = new Set<number>();
    (raw[list] ?? []).forEach((account, i) => {
      const number = 'uid' in account ? account.uid : account.gid;
      const at = report(pointerTo(`/${list}`, i));
      if (names.has(account.name))
        at('/name', `${JSON.stringify(account.name)} is given twice`, 'rename one');
      if (numbers.has(number)) at(`/${key}`, `${key} ${number} is given twice`, 'use another number');
      names.add(account.name);
      numbers.add(number);
    });
  }
}

function withoutSlash(path: string): string {
  return path.replace(/^\/+/, '');
}
