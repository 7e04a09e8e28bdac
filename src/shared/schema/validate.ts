import type { Fault } from '../yaml/faults.ts';
import type { YamlDocument } from '../yaml/parse.ts';
import { pointerTo } from '../yaml/parse.ts';
import { printable, quoted } from '../yaml/place.ts';
import { type SchemaName, knownKeysAt, schemasAt } from './lookup.ts';
import { suggest } from './suggest.ts';
import {
  type SchemaError,
  type Validator,
  validateManifest,
  validateRecipe,
  validateServiceConfig,
} from './validators.gen.js';

const VALIDATORS: Readonly<Record<SchemaName, Validator>> = {
  manifest: validateManifest,
  recipe: validateRecipe,
  'service-config': validateServiceConfig,
};

/** Keys of one project that stand for a word of another. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  environment: 'env',
  volumes: 'binds',
  volume: 'binds',
  entrypoint: 'command',
  cmd: 'command',
  args: 'command',
  cap_add: 'capabilities',
  caps: 'capabilities',
  working_dir: 'cwd',
  workdir: 'cwd',
  read_only: 'readonly',
  depends_on: 'after',
  network_mode: 'net',
  network: 'net',
  rmlimits: 'rlimits',
  ulimits: 'rlimits',
  mem_limit: 'limits',
  healthcheck: 'ready',
  modprobe: 'modules',
  'registry-mirrors': 'registries',
  'insecure-registries': 'registries',
  'log-opts': 'log',
  tlsverify: 'tls',
};

/** Keys that mean something where containers have networks of their own. */
const NETWORK_KEYS: readonly string[] = ['ports', 'port', 'publish', 'expose', 'networks'];

/** A fault and the JSON pointer of the value that has it. */
export interface SchemaFault {
  readonly pointer: string;
  readonly fault: Fault;
}

/** Every way in which a document does not fit its schema, each with place and hint; empty if it fits. */
export function schemaFaults(name: SchemaName, document: YamlDocument): SchemaFault[] {
  const validate = VALIDATORS[name];
  if (validate(document.value)) return [];
  const errors = relevantErrors(validate.errors ?? []);
  return errors.map(error => ({ pointer: error.instancePath, fault: faultOf(name, document, error) }));
}

/** Faults of a document's text, and those of its schema that do not stand where the text itself is at fault. */
export function withoutRepeated(text: readonly Fault[], schema: readonly SchemaFault[]): Fault[] {
  const isSamePlace = (a: Fault, b: Fault): boolean =>
    a.place?.line === b.place?.line && a.place?.column === b.place?.column;
  const added = schema.map(({ fault }) => fault).filter(fault => !text.some(one => isSamePlace(one, fault)));
  return [...text, ...added];
}

/** Drops what only repeats another error: outer errors of anyOf, branches of another type, refused keys. */
function relevantErrors(errors: readonly SchemaError[]): SchemaError[] {
  const refused = errors.filter(e => e.keyword === 'notSupportedYet').map(e => e.instancePath);
  const below = (path: string, parent: string) => path === parent || path.startsWith(`${parent}/`);
  const kept = errors.filter(error => {
    if (error.keyword === 'propertyNames') return false;
    return error.keyword === 'notSupportedYet' || !refused.some(path => below(error.instancePath, path));
  });
  const choices = kept.filter(e => e.keyword === 'anyOf');
  const isWrongBranch = (error: SchemaError): boolean =>
    choices.some(choice => {
      const branch = /^\/(\d+)\//.exec(error.schemaPath.slice(choice.schemaPath.length))?.[0];
      if (error.instancePath !== choice.instancePath || !error.schemaPath.startsWith(choice.schemaPath))
        return false;
      if (branch === undefined) return false;
      const type = `${choice.schemaPath}${branch}type`;
      return kept.some(e => e.schemaPath === type && e.instancePath === choice.instancePath);
    });
  // A list of words says more than that they are texts.
  const isListed = (error: SchemaError): boolean =>
    error.keyword === 'type' &&
    kept.some(
      e =>
        e.keyword === 'enum' &&
        e.schemaPath.replace(/enum$/, 'type') === error.schemaPath &&
        e.instancePath === error.instancePath,
    );
  const right = kept.filter(error => error.keyword !== 'anyOf' && !isWrongBranch(error) && !isListed(error));
  const unexplained = choices.filter(choice => !right.some(e => below(e.instancePath, choice.instancePath)));
  return [...right, ...unexplained];
}

function faultOf(name: SchemaName, document: YamlDocument, error: SchemaError): Fault {
  const pointer = error.instancePath;
  const value = valueAt(document.value, pointer);
  const at = { place: document.placeOf(pointer) };
  const nodes = schemasAt(name, pointer);
  const expected = nodes.find(node => node.expected !== undefined)?.expected;
  const label = labelOf(pointer);

  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(error.params.additionalProperty);
      const place = document.keyPlaceOf(pointerTo(pointer, key));
      return { message: `unknown key ${quoted(key)}`, place, ...hintForKey(key, knownKeysAt(name, pointer)) };
    }
    case 'required': {
      const key = String(error.params.missingProperty);
      const described = schemasAt(name, pointerTo(pointer, key)).find(node => node.expected)?.expected;
      return {
        message: `${quoted(key)} is missing`,
        place: document.keyPlaceOf(pointer),
        hint: `add "${key}:" with ${described ?? 'its value'}`,
      };
    }
    case 'notSupportedYet': {
      const hint = nodes.find(node => node.notSupportedYet !== undefined)?.notSupportedYet;
      return {
        message: `${label} is not supported yet`,
        place: document.keyPlaceOf(pointer),
        ...(hint ? { hint } : {}),
      };
    }
    case 'enum': {
      const allowed = (error.params.allowedValues as unknown[]).map(String);
      const near = suggest(String(value), allowed);
      return {
        message: `${label}: ${quoted(value)} is not known`,
        ...at,
        hint: near !== undefined ? `did you mean ${quoted(near)}?` : `use one of ${listed(allowed)}`,
      };
    }
    case 'type':
    case 'anyOf': {
      const types = [error.params.type ?? nodes.flatMap(node => node.type ?? [])].flat().map(String);
      const wanted = expected ?? [...new Set(types)].map(typeName).join(' or ');
      const hint = hintForType(types, value, document.spellingOf(pointer), wanted, pointer);
      return {
        message: `${label}: expected ${wanted}, found ${described(value)}`,
        place: value === null ? document.keyPlaceOf(pointer) : at.place,
        ...(hint ? { hint } : {}),
      };
    }
    case 'pattern': {
      const wrongKey = error.propertyName;
      const wanted =
        wrongKey === undefined ? expected : nodes.find(n => n.propertyNames)?.propertyNames?.expected;
      return {
        message: `${label}: expected ${wanted ?? 'another text'}, found ${quoted(wrongKey ?? value)}`,
        place: wrongKey === undefined ? at.place : document.keyPlaceOf(pointerTo(pointer, wrongKey)),
        ...(typeof value === 'string' && /^\d+$/.test(value) && wanted?.startsWith('a duration')
          ? { hint: `add the unit: ${value}s` }
          : {}),
      };
    }
    case 'minItems':
      return {
        message: `${label}: the list is empty`,
        place: document.keyPlaceOf(pointer),
        hint: 'add an item, or remove the key',
      };
    default: {
      const { comparison = '', limit = '' } = error.params;
      return { message: `${label}: ${quoted(value)} must be ${String(comparison)} ${String(limit)}`, ...at };
    }
  }
}

function hintForKey(key: string, known: readonly string[]): { hint: string } {
  const other = OTHER_NAMES[key.toLowerCase()];
  const near = other !== undefined && known.includes(other) ? other : suggest(key, known);
  if (near !== undefined) return { hint: `did you mean ${quoted(near)}?` };
  if (NETWORK_KEYS.includes(key) && known.includes('net'))
    return { hint: "remove it: a service has the machine's network, and its ports are open there" };
  return { hint: known.length === 0 ? 'remove it' : `known keys here: ${[...known].sort().join(', ')}` };
}

function hintForType(
  types: readonly string[],
  value: unknown,
  spelling: string | undefined,
  wanted: string,
  pointer: string,
): string | undefined {
  if (value === null) return 'give it a value, or remove the key';
  if (typeof value === 'number' && wanted.startsWith('a duration')) return `add the unit: ${value}s`;
  if (types.includes('boolean') && typeof value === 'string') {
    if (/^(yes|on|y)$/i.test(value)) return 'write true';
    if (/^(no|off|n)$/i.test(value)) return 'write false';
  }
  if (types.includes('string') && spelling !== undefined && typeof value !== 'string') {
    return `write it in quotes: "${spelling}"`;
  }
  if (types.includes('array') && typeof value === 'string' && /\/(command|exec)$/.test(pointer))
    return `write a list: [${wordsOf(value).map(quoted).join(', ')}]`;
  if (types.includes('array') && typeof value !== 'object')
    return `write a list: [${spelling ?? quoted(value)}]`;
  if (types.includes('array') && isMapping(value) && /^\/(onboot|services|onshutdown)$/.test(pointer)) {
    const [name = 'NAME'] = Object.keys(value);
    return `it is no compose file: write a list, whose items begin with "- name: ${printable(name)}"`;
  }
  if (types.includes('array') && isMapping(value) && pointer.endsWith('/env')) {
    const items = Object.entries(value).map(
      ([name, item]) => `${name}=${isScalar(item) ? String(item) : ''}`,
    );
    return `write a list: [${shownItems(items.map(quoted))}]`;
  }
  if (types.includes('object') && Array.isArray(value) && value.every(isPair)) {
    const pairs = value.map(item => /^([^=]+)=(.*)$/s.exec(item) ?? []);
    return `write a mapping: {${shownItems(pairs.map(([, name, item]) => `${printable(name ?? '')}: ${quoted(item)}`))}}`;
  }
  if (types.some(type => type === 'integer' || type === 'number') && typeof value === 'string') {
    if (/^\d+(\.\d+)?$/.test(value)) return `write it without quotes: ${value}`;
  }
  return undefined;
}

/** More are not shown as an example. */
const MAX_ITEMS = 4;

function shownItems(items: readonly string[]): string {
  return items.slice(0, MAX_ITEMS).join(', ') + (items.length > MAX_ITEMS ? ', ...' : '');
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function isPair(item: unknown): item is string {
  return typeof item === 'string' && /^[^=\s]+=/.test(item);
}

/** The words of a command line, quotes taken off; not a shell's rules, an example to correct. */
function wordsOf(line: string): string[] {
  const words = line.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  return words.map(word => /^(["'])(.*)\1$/s.exec(word)?.[2] ?? word);
}

/** The value at a JSON pointer; undefined where there is none. */
export function valueAt(root: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((at, step) => {
      const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
      return typeof at === 'object' && at !== null && Object.hasOwn(at, key)
        ? (at as Record<string, unknown>)[key]
        : undefined;
    }, root);
}

/** `services[0].restart.delay` for `/services/0/restart/delay`. */
function labelOf(pointer: string): string {
  if (pointer === '') return 'the file';
  return pointer
    .split('/')
    .slice(1)
    .map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce(
      (label, step) => (/^\d+$/.test(step) ? `${label}[${step}]` : label === '' ? step : `${label}.${step}`),
      '',
    );
}

function typeName(type: string): string {
  const names: Readonly<Record<string, string>> = {
    string: 'a text',
    integer: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a mapping',
    null: 'nothing',
  };
  return names[type] ?? type;
}

function described(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return `the ${typeof value === 'string' ? 'text' : typeof value === 'number' ? 'number' : 'value'} ${quoted(value)}`;
}

function listed(values: readonly string[]): string {
  const shown = values.slice(0, 12).map(value => quoted(value));
  return shown.join(', ') + (values.length > shown.length ? ', ...' : '');
}
