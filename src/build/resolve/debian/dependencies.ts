import { ToolError } from '../../../shared/errors.ts';
import { type VersionOperator, isVersion, satisfiesVersion } from './version.ts';

/** One `name[:arch] [(operator version)]` of a relationship field (Policy 7.1). */
export interface Relation {
  readonly name: string;
  /** `any`, or an architecture's name. */
  readonly qualifier?: string;
  readonly operator?: VersionOperator;
  readonly version?: string;
}

/** Alternatives of which one must hold, in the packager's order of preference. */
export type Clause = readonly Relation[];

/** What a package offers under another name; without a version it satisfies only unversioned needs. */
export interface Provided {
  readonly name: string;
  readonly version?: string;
}

const RELATION =
  /^([a-z0-9][a-z0-9+.-]*)(?::([a-z0-9-]+))?(?:\s*\(\s*(<<|<=|=|>=|>>|<|>)\s*([^\s()]+)\s*\))?$/;

/** Parses a Depends-like field. `where` names the package and field. Throws RELATION_MALFORMED. */
export function parseClauses(text: string, where: string): Clause[] {
  const clauses: Clause[] = [];
  for (const part of text.split(',')) {
    const trimmed = part.trim();
    if (trimmed !== '') clauses.push(trimmed.split('|').map(one => parseRelation(one, where)));
  }
  return clauses;
}

/** Parses a Conflicts, Breaks or Provides field, which has no alternatives. Throws RELATION_MALFORMED. */
export function parseRelations(text: string, where: string): Relation[] {
  return text
    .split(',')
    .map(part => part.trim())
    .filter(Boolean)
    .map(part => parseRelation(part, where));
}

/** Parses one relation. Throws RELATION_MALFORMED. */
export function parseRelation(text: string, where: string): Relation {
  const match = RELATION.exec(text.trim());
  const [, name, qualifier, sign, version] = match ?? [];
  if (name === undefined || (version !== undefined && !isVersion(version))) {
    throw new ToolError(`${where}: ${JSON.stringify(text.trim().slice(0, 120))} is not a package relation`, {
      code: 'RELATION_MALFORMED',
      kind: 'invalid-input',
      hint: 'write a name, "name=version" or "name (>= version)"',
    });
  }
  // The single signs are an old spelling of "or equal".
  const operator = (sign === '<' ? '<=' : sign === '>' ? '>=' : sign) as VersionOperator | undefined;
  return {
    name,
    ...(qualifier === undefined ? {} : { qualifier }),
    ...(operator === undefined || version === undefined ? {} : { operator, version }),
  };
}

/** Whether a package of this version, or a provision with it, meets the relation's version. */
export function meetsVersion(relation: Relation, version: string | undefined): boolean {
  if (relation.operator === undefined || relation.version === undefined) return true;
  return version !== undefined && satisfiesVersion(version, relation.operator, relation.version);
}

/** `name (>= 1)`, as a person writes it. */
export function formatRelation(relation: Relation): string {
  const qualifier = relation.qualifier === undefined ? '' : `:${relation.qualifier}`;
  const version = relation.operator === undefined ? '' : ` (${relation.operator} ${relation.version})`;
  return `${relation.name}${qualifier}${version}`;
}

/** `a (>= 1) | b`. */
export function formatClause(clause: Clause): string {
  return clause.map(formatRelation).join(' | ');
}
