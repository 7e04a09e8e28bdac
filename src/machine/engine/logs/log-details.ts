/** What a container's log options can name. */
export interface DetailSource {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `NAME=value` */
  readonly env: readonly string[];
}

/**
 * The attributes that the log options `labels`, `labels-regex`, `env`, `env-regex` and `tag` choose, as
 * `logs --details` shows them: `k=v,k2=v2`, escaped as in a query. An expression that is none chooses nothing.
 */
export function formatLogDetails(
  options: Readonly<Record<string, string>> | undefined,
  source: DetailSource,
): string {
  const env = Object.fromEntries(
    source.env.map(word => {
      const [name = '', value = ''] = word.split(/=(.*)/s);
      return [name, value];
    }),
  );
  const chosen = new Map([
    ...choose(source.labels, options?.labels, options?.['labels-regex']),
    ...choose(env, options?.env, options?.['env-regex']),
  ]);
  const tag = formatTag(options?.tag ?? '', source);
  if (tag !== '') chosen.set('tag', tag);
  return [...chosen]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${escape(name)}=${escape(value)}`)
    .join(',');
}

function choose(
  all: Readonly<Record<string, string>>,
  names: string | undefined,
  expression: string | undefined,
): [string, string][] {
  const listed = (names ?? '').split(',');
  const matches = matcher(expression ?? '');
  return Object.entries(all).filter(([name]) => listed.includes(name) || matches(name));
}

function matcher(expression: string): (name: string) => boolean {
  if (expression === '') return () => false;
  try {
    const pattern = new RegExp(expression);
    return name => pattern.test(name);
  } catch {
    return () => false;
  }
}

function formatTag(template: string, source: DetailSource): string {
  const fields: Readonly<Record<string, string>> = {
    ID: source.id.slice(0, 12),
    FullID: source.id,
    Name: source.name,
    ImageName: source.image,
    ImageID: source.imageId.replace(/^sha256:/, '').slice(0, 12),
    ImageFullID: source.imageId,
    DaemonName: 'docker',
  };
  return template.replaceAll(/\{\{\s*\.(\w+)\s*\}\}/g, (_, field: string) => fields[field] ?? '');
}

function escape(text: string): string {
  return encodeURIComponent(text)
    .replaceAll(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
