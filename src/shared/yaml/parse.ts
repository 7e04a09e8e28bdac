import {
  CORE_SCHEMA,
  type Event,
  type Schema,
  YAML11_SCHEMA,
  YAMLException,
  constructFromEvents,
  mergeTag,
  parseEvents,
} from 'js-yaml';
import { type Fault, InputError } from './faults.ts';
import { type YamlNode, nodesFromEvents } from './nodes.ts';
import { type Place, placesIn, printable, quoted } from './place.ts';

/**
 * Which YAML: `manifest` is YAML 1.2's core schema with merge keys, `cloud-config` is YAML 1.1, as
 * cloud-init and RancherOS read it. In both an unquoted number with a leading zero is refused, because
 * the two versions disagree about its value.
 */
export type YamlDialect = 'manifest' | 'cloud-config';

export interface YamlLimits {
  /** UTF-16 units of text. */
  readonly maxLength: number;
  readonly maxDepth: number;
  /** Nodes after aliases and merge keys are expanded. */
  readonly maxNodes: number;
}

export const DEFAULT_YAML_LIMITS: YamlLimits = { maxLength: 1024 * 1024, maxDepth: 64, maxNodes: 100_000 };

/** Offsets of a value and, in a mapping, of its key. */
interface Offsets {
  readonly value: number;
  readonly key: number | undefined;
}

/** A parsed document that still knows where everything stood. */
export interface YamlDocument {
  readonly file: string;
  /** Undefined when there is nothing but comments. */
  readonly value: unknown;
  /** Where the value at a JSON pointer stands; the nearest parent's place if there is no such value. */
  placeOf(pointer: string): Place;
  /** Where the key of the value at a JSON pointer stands; the value's place for list items. */
  keyPlaceOf(pointer: string): Place;
  /** How the value at a pointer is spelled, if it is an unquoted scalar. */
  spellingOf(pointer: string): string | undefined;
}

const SCHEMAS: Readonly<Record<YamlDialect, Schema>> = {
  manifest: CORE_SCHEMA.withTags(mergeTag),
  'cloud-config': YAML11_SCHEMA,
};

/** More are not looked for: nobody reads them, and a hostile file has thousands. */
const MAX_FAULTS = 50;

const LEADING_ZERO = /^[-+]?0[0-9_]+$/;

/** What js-yaml says -> what to do about it, and a plainer message where its own is about its insides. */
const SYNTAX_HINTS: readonly { reason: RegExp; message?: string; hint: string }[] = [
  { reason: /^tab characters/, hint: 'indent with spaces' },
  { reason: /^null byte/, hint: 'this looks like a binary file or UTF-16: save it as UTF-8 text' },
  { reason: /non-printable/, hint: 'write it as an escape in double quotes, such as "\\x1b"' },
  {
    reason: /^unidentified alias/,
    hint: 'quote a text that begins with "*", or define it before with "&name"',
  },
  { reason: /^unknown .* tag/, hint: 'remove the tag: only plain values are read here' },
  {
    reason: /^bad indentation of a mapping entry/,
    message: 'a key or value is not where it can be',
    hint: 'check the indentation; quote a value that holds ": " or begins with one of @ % & * ! | >',
  },
  {
    reason: /^deficient indentation/,
    message: 'a line is indented too little, or a quote is not closed',
    hint: 'indent it deeper than its key, and look for an open quote above',
  },
  { reason: /complex keys/, message: 'a list or mapping is used as a key', hint: 'use a plain text as key' },
  { reason: /^nesting exceeded/, message: 'nested too deeply', hint: 'flatten the structure' },
  { reason: /^cannot merge|merge/, hint: '"<<" takes a mapping, or a list of mappings' },
];

/**
 * Reads one YAML document. Throws InputError YAML_INVALID with every fault that was found (syntax,
 * duplicate keys, more than one document, limits, numbers with a leading zero).
 *
 * @param file name for messages, as the user gave it
 */
export function parseYaml(
  file: string,
  text: string,
  dialect: YamlDialect,
  limits: YamlLimits = DEFAULT_YAML_LIMITS,
): YamlDocument {
  const { document, faults } = readYaml(file, text, dialect, limits);
  if (document === undefined || faults.length > 0) throw new InputError('YAML_INVALID', 'YAML file', faults);
  return document;
}

/**
 * As `parseYaml`, but hands the faults back, for callers that collect those of several files. A document with
 * faults is handed out too where it can be read in spite of them, so that more can be found in it.
 */
export function readYaml(
  file: string,
  text: string,
  dialect: YamlDialect,
  limits: YamlLimits = DEFAULT_YAML_LIMITS,
): { readonly document: YamlDocument | undefined; readonly faults: readonly Fault[] } {
  const at = placesIn(file, text);
  const refuse = (...faults: Fault[]) => ({ document: undefined, faults });
  if (text.length > limits.maxLength) {
    const message = `the file is too large: ${text.length} characters, at most ${limits.maxLength} are read`;
    return refuse({ message, place: at(0), hint: 'is this the right file?' });
  }

  let events: Event[];
  try {
    events = parseEvents(text, { maxDepth: limits.maxDepth });
  } catch (error) {
    return refuse(syntaxFault(error, at));
  }
  const [root, second] = nodesFromEvents(text, events);
  if (second !== undefined) {
    const marker = text.lastIndexOf('\n---', second.offset);
    const message = 'a second document begins here';
    return refuse({
      message,
      place: at(marker + 1),
      hint: 'keep one document to a file; several files can be given',
    });
  }
  if (root === undefined) return { document: documentOf(file, at, undefined, new Map()), faults: [] };

  const schema = SCHEMAS[dialect];
  const survey = surveyNodes(root, schema, limits.maxNodes, at);
  if (survey.stopped) return refuse(...survey.faults);
  try {
    const [value] = constructFromEvents(events, { source: text, schema });
    return { document: documentOf(file, at, value, survey.offsets), faults: survey.faults };
  } catch (error) {
    // What cannot be read because of a fault that was found is not told again.
    return refuse(...(survey.faults.length > 0 ? survey.faults : [syntaxFault(error, at)]));
  }
}

/** A JSON pointer (RFC 6901) with one more step. */
export function pointerTo(parent: string, step: string | number): string {
  return `${parent}/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function documentOf(
  file: string,
  at: (offset: number) => Place,
  value: unknown,
  offsets: ReadonlyMap<string, Offsets & { readonly node: YamlNode }>,
): YamlDocument {
  const find = (pointer: string) => {
    let known = pointer;
    while (known !== '' && !offsets.has(known)) known = known.slice(0, known.lastIndexOf('/'));
    return offsets.get(known);
  };
  return {
    file,
    value,
    placeOf: pointer => at(find(pointer)?.value ?? 0),
    keyPlaceOf: pointer => {
      const found = find(pointer);
      return at(found?.key ?? found?.value ?? 0);
    },
    spellingOf: pointer => {
      const node = offsets.get(pointer)?.node;
      return node?.kind === 'scalar' && node.plain ? node.text : undefined;
    },
  };
}

/**
 * Walks the tree as the constructor will, aliases and merge keys expanded: finds duplicate keys and
 * doubtful numbers, notes where everything stands, and stops an expansion that grows beyond the limit
 * before anything of that size is made.
 */
function surveyNodes(root: YamlNode, schema: Schema, maxNodes: number, at: (offset: number) => Place) {
  const offsets = new Map<string, Offsets & { readonly node: YamlNode }>();
  const faults: Fault[] = [];
  const active = new Set<YamlNode>();
  const seen = new Set<YamlNode>();
  let nodes = 0;
  let stopped = false;

  const add = (fault: Fault): void => {
    faults.push(fault);
    if (faults.length >= MAX_FAULTS) stopped = true;
  };
  const stop = (offset: number, message: string, hint: string): void => {
    stopped = true;
    faults.push({ message, place: at(offset), hint });
  };

  const keyText = (key: YamlNode): string | undefined => {
    const node = key.kind === 'alias' ? key.target : key;
    if (node?.kind !== 'scalar') return undefined;
    return node.plain ? String(schema.resolveImplicitScalarTag(node.text).value) : node.text;
  };

  const visit = (written: YamlNode, pointer: string, key: number | undefined): void => {
    const node = written.kind === 'alias' ? written.target : written;
    if (node === undefined || stopped) return;
    if (++nodes > maxNodes) {
      stop(written.offset, `aliases expand to more than ${maxNodes} values`, 'use fewer aliases');
      return;
    }
    if (active.has(node)) {
      stop(written.offset, 'an alias stands inside the value that it names', 'write the value out');
      return;
    }
    offsets.set(pointer, { value: written.offset, key, node });
    active.add(node);
    if (node.kind === 'scalar') checkScalar(node);
    else if (node.kind === 'sequence')
      node.items.forEach((item, i) => visit(item, pointerTo(pointer, i), undefined));
    else if (node.kind === 'mapping') visitMapping(node, pointer);
    active.delete(node);
    seen.add(node);
  };

  const checkScalar = (node: Extract<YamlNode, { kind: 'scalar' }>): void => {
    if (!node.plain || seen.has(node) || !LEADING_ZERO.test(node.text)) return;
    add({
      message: `the number ${printable(node.text.slice(0, 40))} begins with 0: octal or decimal?`,
      place: at(node.offset),
      hint: `write it in quotes: "${printable(node.text.slice(0, 40))}"`,
    });
  };

  const visitMapping = (node: Extract<YamlNode, { kind: 'mapping' }>, pointer: string): void => {
    const own = new Map<string, number>();
    const merges: YamlNode[] = [];
    for (const pair of node.pairs) {
      if (pair.key.kind === 'scalar' && pair.key.plain && pair.key.text === '<<') {
        merges.push(pair.value);
        continue;
      }
      const name = keyText(pair.key);
      if (name === undefined) continue;
      const first = own.get(name);
      if (first === undefined) {
        own.set(name, pair.key.offset);
        visit(pair.value, pointerTo(pointer, name), pair.key.offset);
      } else if (!seen.has(node)) {
        add({
          message: `duplicate key ${quoted(name)}`,
          place: at(pair.key.offset),
          related: { message: 'first defined here', place: at(first) },
          hint: 'keep one of the two',
        });
      }
    }
    for (const merge of merges) visitMerge(merge, pointer, own);
  };

  const visitMerge = (written: YamlNode, pointer: string, own: Map<string, number>): void => {
    const node = written.kind === 'alias' ? written.target : written;
    if (node === undefined || stopped) return;
    if (active.has(node)) {
      stop(written.offset, 'an alias stands inside the value that it names', 'write the value out');
      return;
    }
    if (++nodes > maxNodes) {
      stop(written.offset, `aliases expand to more than ${maxNodes} values`, 'use fewer aliases');
      return;
    }
    active.add(node);
    if (node.kind === 'sequence') for (const item of node.items) visitMerge(item, pointer, own);
    if (node.kind === 'mapping') {
      for (const pair of node.pairs) {
        const name = keyText(pair.key);
        if (pair.key.kind === 'scalar' && pair.key.plain && pair.key.text === '<<') {
          visitMerge(pair.value, pointer, own);
        } else if (name !== undefined && !own.has(name)) {
          own.set(name, pair.key.offset);
          visit(pair.value, pointerTo(pointer, name), pair.key.offset);
        }
      }
    }
    active.delete(node);
  };

  visit(root, '', undefined);
  return { offsets, faults, stopped };
}

function syntaxFault(error: unknown, at: (offset: number) => Place): Fault {
  if (!(error instanceof YAMLException)) throw error;
  const known = SYNTAX_HINTS.find(({ reason }) => reason.test(error.reason));
  return {
    message: known?.message ?? printable(error.reason),
    // js-yaml points behind the "*" of an alias.
    place: at((error.mark?.position ?? 0) - (error.reason.startsWith('unidentified alias') ? 1 : 0)),
    ...(known ? { hint: known.hint } : {}),
  };
}
