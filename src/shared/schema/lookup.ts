import { pointerTo } from '../yaml/parse.ts';
import manifestSchema from './manifest.schema.json' with { type: 'json' };
import recipeSchema from './system-image.schema.json' with { type: 'json' };

/** The parts of a JSON Schema that messages are made from. */
export interface SchemaNode {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly expected?: string;
  readonly notSupportedYet?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly propertyNames?: SchemaNode;
  readonly additionalProperties?: boolean | SchemaNode;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly allOf?: readonly SchemaNode[];
  readonly definitions?: Readonly<Record<string, SchemaNode>>;
}

/** Which schema a value is checked against. */
export type SchemaName = 'manifest' | 'recipe' | 'service-config';

const MANIFEST = manifestSchema as SchemaNode;
const RECIPE = recipeSchema as SchemaNode;
const ROOTS: Readonly<Record<SchemaName, SchemaNode>> = {
  manifest: MANIFEST,
  recipe: RECIPE,
  'service-config': { $ref: 'manifest.schema.json#/definitions/serviceConfig' },
};

/** Every schema that applies to the value at a JSON pointer: references followed, branches of anyOf included. */
export function schemasAt(name: SchemaName, pointer: string): SchemaNode[] {
  const base = name === 'recipe' ? RECIPE : MANIFEST;
  let found = expand(ROOTS[name], base);
  for (const step of pointer.split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    found = found.flatMap(({ node, document }) => {
      const own = Object.hasOwn(node.properties ?? {}, key) ? node.properties?.[key] : undefined;
      const rest = typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
      const next = own ?? (/^\d+$/.test(key) ? node.items : undefined) ?? rest;
      return next ? expand(next, document) : [];
    });
  }
  return found.map(({ node }) => node);
}

/** Names of the keys that the value at a pointer can have, those that do not work yet left out. */
export function knownKeysAt(name: SchemaName, pointer: string): string[] {
  const keys = new Set(schemasAt(name, pointer).flatMap(node => Object.keys(node.properties ?? {})));
  const works = (key: string) =>
    schemasAt(name, pointerTo(pointer, key)).every(node => node.notSupportedYet === undefined);
  return [...keys].filter(works);
}

function expand(node: SchemaNode, document: SchemaNode): { node: SchemaNode; document: SchemaNode }[] {
  const found = [{ node, document }];
  if (node.$ref !== undefined) {
    const [file, path = ''] = node.$ref.split('#/');
    const target = file === 'manifest.schema.json' ? MANIFEST : document;
    const end = path.split('/').reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], target);
    found.push(...expand(end as SchemaNode, target));
  }
  for (const branch of [...(node.anyOf ?? []), ...(node.allOf ?? [])])
    found.push(...expand(branch, document));
  return found;
}
