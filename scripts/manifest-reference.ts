import type { Schema } from './generate.ts';

/** The reference part of docs/manifest.md: one table for each object of the schemas. */
export function manifestReference(manifest: Schema, recipe: Schema): string {
  const definitions = { ...manifest.definitions, ...recipe.definitions };
  const resolve = (schema: Schema): Schema => {
    const name = schema.$ref?.split('/definitions/')[1];
    if (name === undefined) return schema.allOf?.[0] ? { ...resolve(schema.allOf[0]), ...schema } : schema;
    const [definition = '', ...path] = name.split('/');
    let target = definitions[definition];
    if (path[0] === 'properties') target = target?.properties?.[path[1] ?? ''];
    if (!target) throw new Error(`the schema refers to ${schema.$ref}, which does not exist`);
    return { ...resolve(target), ...schema };
  };

  const typeOf = (schema: Schema): string => {
    const it = resolve(schema);
    if (it.enum && it.enum.length <= 8) return it.enum.map(value => `\`${value}\``).join(', ');
    if (it.anyOf) return it.anyOf.map(typeOf).join(' or ');
    if (it.type === 'array') return it.items ? `list, each: ${typeOf(it.items)}` : 'list';
    if (it.type === 'object') return it.properties ? 'mapping' : 'mapping of names to values';
    const types = [it.type ?? 'any'].flat().map(type => (type === 'boolean' ? 'true, false' : type));
    return it.expected ?? types.join(' or ');
  };

  const table = (schema: Schema, prefix = ''): string[] =>
    Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
      const it = resolve(value);
      const name = `${prefix}${key}`;
      const text = [
        it.notSupportedYet === undefined ? '' : `**Not supported yet**: ${it.notSupportedYet}.`,
        it.description ?? '',
        schema.required?.includes(key) ? 'Required.' : '',
        it.default === undefined ? '' : `Default: \`${show(it.default)}\`.`,
        it.examples === undefined ? '' : `Example: \`${show(it.examples[0])}\`.`,
      ];
      const row = `| \`${name}\` | ${cell(typeOf(value))} | ${cell(text.filter(Boolean).join(' '))} |`;
      const nested = it.items ? resolve(it.items) : (it.anyOf?.find(one => one.properties) ?? it);
      const mark = it.items ? '[].' : '.';
      const ownSection = nested.title !== undefined && !nested.title.startsWith('Recipe');
      const inner =
        nested.properties && !ownSection && !it.notSupportedYet ? table(nested, `${name}${mark}`) : [];
      return [row, ...inner];
    });

  const section = (title: string, schema: Schema): string =>
    [
      `### ${title}`,
      '',
      schema.description ?? '',
      '',
      '| key | value | meaning |',
      '| --- | --- | --- |',
      ...table(schema),
      '',
    ].join('\n');

  const { kernel = {}, engine = {}, trust = {}, service = {}, serviceConfig = {}, file = {} } = definitions;
  return [
    section('The manifest', manifest),
    section('kernel', kernel),
    section('engine', engine),
    section('trust', trust),
    section('A service (items of onboot, services, onshutdown)', {
      ...service,
      properties: {
        name: service.properties?.name ?? {},
        image: service.properties?.image ?? {},
        ...serviceConfig.properties,
      },
    }),
    section('A file (items of files)', file),
    section('A recipe (image.yml)', recipe),
  ].join('\n');
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
