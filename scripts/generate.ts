/**
 * Makes what is derived from the schemas: TypeScript types, validators compiled ahead (no schema is
 * compiled when a program starts), and the reference part of docs/manifest.md.
 *
 *   node scripts/generate.ts           writes the files
 *   node scripts/generate.ts --check   exits with 1 and names the files that are not current
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, exit, stderr } from 'node:process';
import { fileURLToPath } from 'node:url';
import { Ajv, _, str } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { build } from 'esbuild';
import { compile } from 'json-schema-to-typescript';
import { format, resolveConfig } from 'prettier';
import { CAPABILITIES } from '../src/shared/service/capabilities.ts';
import { manifestReference } from './manifest-reference.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SCHEMAS = 'src/shared/schema';
const MANIFEST = `${SCHEMAS}/manifest.schema.json`;
const RECIPE = `${SCHEMAS}/system-image.schema.json`;
const BEGIN = '<!-- reference: begin (made by scripts/generate.ts from the schema) -->';
const END = '<!-- reference: end -->';

export interface Schema {
  $ref?: string;
  title?: string;
  description?: string;
  type?: string | string[];
  enum?: (string | boolean)[];
  default?: unknown;
  examples?: unknown[];
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  anyOf?: Schema[];
  allOf?: Schema[];
  definitions?: Record<string, Schema>;
  notSupportedYet?: string;
  expected?: string;
}

/** Path below the repository -> content of every generated file. */
export async function generate(): Promise<Map<string, string>> {
  const manifest = completed(JSON.parse(read(MANIFEST)) as Schema);
  const recipe = JSON.parse(read(RECIPE)) as Schema;
  return new Map([
    [MANIFEST, await pretty(MANIFEST, JSON.stringify(manifest))],
    [`${SCHEMAS}/manifest.gen.ts`, await types(forTypes(manifest), 'ManifestFile')],
    [`${SCHEMAS}/system-image.gen.ts`, await types(bundled(recipe, forTypes(manifest)), 'RecipeFile')],
    [`${SCHEMAS}/validators.gen.js`, await validators(manifest, recipe)],
    ['docs/manifest.md', reference(read('docs/manifest.md'), manifest, recipe)],
  ]);
}

/** The parts of the schema that follow from others: a service has the keys of its configuration. */
function completed(manifest: Schema): Schema {
  const { service, serviceConfig, capabilities } = manifest.definitions ?? {};
  if (!service?.properties || !serviceConfig?.properties || !capabilities?.items) {
    throw new Error(`${MANIFEST}: service, serviceConfig or capabilities is missing`);
  }
  const { name = {}, image = {} } = service.properties;
  const keys = Object.keys(serviceConfig.properties);
  const inherited = keys.map((key): [string, Schema] => [
    key,
    { $ref: `#/definitions/serviceConfig/properties/${key}` },
  ]);
  service.properties = { name, image, ...Object.fromEntries<Schema>(inherited) };
  capabilities.items.enum = ['all', 'none', ...CAPABILITIES];
  return manifest;
}

/** Types say `ServiceConfig & {name, image}` instead of repeating every key, and `string` for capabilities. */
function forTypes(manifest: Schema): Schema {
  const copy = structuredClone(manifest);
  const service = copy.definitions?.service;
  const capabilities = copy.definitions?.capabilities;
  if (!copy.definitions || !service?.properties || !capabilities) throw new Error('no service in the schema');
  capabilities.items = { type: 'string' };
  const { name = {}, image = {} } = service.properties;
  const own: Schema = { type: 'object', properties: { name, image }, additionalProperties: false };
  copy.definitions.service = {
    title: 'ServiceSpec',
    allOf: [{ $ref: '#/definitions/serviceConfig' }, { ...own, required: ['name', 'image'] }],
  };
  return withoutRefused(copy) as Schema;
}

/** Keys that are refused never reach a typed value. */
function withoutRefused(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutRefused);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]: [string, unknown]) => !isRefused(item))
      .map(([key, item]: [string, unknown]) => [key, withoutRefused(item)]),
  );
}

function isRefused(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'notSupportedYet' in value;
}

/** The recipe's schema with the manifest's definitions inside, for a tool that reads one file only. */
function bundled(recipe: Schema, manifest: Schema): Schema {
  const text = JSON.stringify(recipe).replaceAll('manifest.schema.json#/definitions/', '#/definitions/');
  const copy = JSON.parse(text) as Schema;
  copy.definitions = { ...manifest.definitions, ...copy.definitions };
  return copy;
}

async function types(schema: Schema, name: string): Promise<string> {
  return compile(schema as Parameters<typeof compile>[0], name, {
    bannerComment: '/* Made by scripts/generate.ts from the schema beside it; do not edit. */',
    ignoreMinAndMaxItems: true,
    unreachableDefinitions: false,
    style: { singleQuote: true, printWidth: 110 },
  });
}

async function validators(manifest: Schema, recipe: Schema): Promise<string> {
  const ajv = new Ajv({
    allErrors: true,
    allowUnionTypes: true,
    inlineRefs: false,
    strict: true,
    strictTypes: false,
    unicodeRegExp: false,
    code: { source: true, esm: true, lines: false },
  });
  ajv.addKeyword({ keyword: 'expected', schemaType: 'string', valid: true });
  ajv.addKeyword({
    keyword: 'notSupportedYet',
    schemaType: 'string',
    code: context => context.fail(_`true`),
    error: { message: str`not supported yet` },
  });
  ajv.addSchema(manifest, 'manifest.schema.json');
  ajv.addSchema(recipe, 'system-image.schema.json');
  const source = standalone.default(ajv, {
    validateManifest: 'manifest.schema.json',
    validateRecipe: 'system-image.schema.json',
    validateServiceConfig: 'manifest.schema.json#/definitions/serviceConfig',
  });
  // Bundled, because the generated code calls for helpers of ajv that the machine does not carry.
  const result = await build({
    stdin: { contents: source, resolveDir: ROOT, loader: 'js' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['main'],
    minify: true,
    legalComments: 'none',
  });
  const [file] = result.outputFiles;
  return `/* Made by scripts/generate.ts; do not edit. */\n${file?.text ?? ''}`;
}

function reference(page: string, manifest: Schema, recipe: Schema): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error('docs/manifest.md has lost its markers');
  return `${before}${BEGIN}\n\n${manifestReference(manifest, recipe)}\n${END}${after}`;
}

async function pretty(path: string, text: string): Promise<string> {
  return format(text, { ...(await resolveConfig(join(ROOT, path))), filepath: path });
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const check = argv.includes('--check');
  const stale: string[] = [];
  for (const [path, content] of await generate()) {
    if (read0(path) === content) continue;
    stale.push(path);
    if (!check) writeFileSync(join(ROOT, path), content);
  }
  const verb = check ? 'is not current, run "node scripts/generate.ts"' : 'written';
  for (const path of stale) stderr.write(`${path}: ${verb}\n`);
  if (check && stale.length > 0) exit(1);
}

function read0(path: string): string | undefined {
  try {
    return read(path);
  } catch {
    return undefined;
  }
}
