/**
 * Docker's API as a table: every path it has, and the name of its handler, or that it is not served yet.
 * A new endpoint is a handler and the removal of its `planned`.
 */

export const ROUTE_NAMES = [
  'ping',
  'version',
  'info',
  'events',
  'containerList',
  'containerInspect',
  'containerLogs',
  'containerStart',
  'containerStop',
  'containerRestart',
  'containerKill',
  'containerWait',
  'containerRemove',
  'execCreate',
  'execStart',
  'execInspect',
  'execResize',
] as const;

export type RouteName = (typeof ROUTE_NAMES)[number];

export interface Route {
  readonly methods: readonly string[];
  /** Named groups are the path's parameters; `name` of an image may hold slashes. */
  readonly pattern: RegExp;
  readonly name: RouteName | 'planned';
}

function route(methods: string, path: string, name: Route['name']): Route {
  const pattern = path.replace(/\{(\w+)\.\.\.\}/g, '(?<$1>.+)').replace(/\{(\w+)\}/g, '(?<$1>[^/]+)');
  return { methods: methods.split(' '), pattern: new RegExp(`^${pattern}$`), name };
}

/** The first match counts. */
export const ROUTES: readonly Route[] = [
  route('GET HEAD', '/_ping', 'ping'),
  route('GET', '/version', 'version'),
  route('GET', '/info', 'info'),
  route('GET', '/events', 'events'),

  route('GET', '/containers/json', 'containerList'),
  route('POST', '/containers/create', 'planned'),
  route('POST', '/containers/prune', 'planned'),
  route('GET', '/containers/{id}/json', 'containerInspect'),
  route('GET', '/containers/{id}/logs', 'containerLogs'),
  route('POST', '/containers/{id}/start', 'containerStart'),
  route('POST', '/containers/{id}/stop', 'containerStop'),
  route('POST', '/containers/{id}/restart', 'containerRestart'),
  route('POST', '/containers/{id}/kill', 'containerKill'),
  route('POST', '/containers/{id}/wait', 'containerWait'),
  route('DELETE', '/containers/{id}', 'containerRemove'),
  route('POST', '/containers/{id}/exec', 'execCreate'),
  route('POST', '/containers/{id}/(pause|unpause|rename|update|resize|attach)', 'planned'),
  route('GET', '/containers/{id}/(top|stats|changes|export|attach/ws)', 'planned'),
  route('GET PUT HEAD', '/containers/{id}/archive', 'planned'),

  route('POST', '/exec/{id}/start', 'execStart'),
  route('POST', '/exec/{id}/resize', 'execResize'),
  route('GET', '/exec/{id}/json', 'execInspect'),

  route('GET POST', '/images/(json|create|load|search|get|prune)', 'planned'),
  route('GET', '/images/{name...}/(json|history|get)', 'planned'),
  route('POST', '/images/{name...}/(push|tag)', 'planned'),
  route('DELETE', '/images/{name...}', 'planned'),
  route(
    'GET POST',
    '/(commit|auth|system/df|session|build|build/prune|build/cancel|distribution/{name...}/json)',
    'planned',
  ),
  route(
    'GET POST DELETE PUT',
    '/(volumes|networks|swarm|services|nodes|tasks|secrets|configs|plugins)(/.*)?',
    'planned',
  ),
];

/** A request's handler and what its path says. */
export interface RouteMatch {
  readonly name: Route['name'];
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Finds the route of a path without version and query; undefined when Docker's API has no such path for
 * this method. Parameters are decoded; one that is not valid percent-encoding matches nothing.
 */
export function matchRoute(method: string, path: string): RouteMatch | undefined {
  for (const { methods, pattern, name } of ROUTES) {
    const match = methods.includes(method) ? pattern.exec(path) : null;
    if (match === null) continue;
    const parameters: Record<string, string> = {};
    try {
      for (const [key, value] of Object.entries(match.groups ?? {}))
        parameters[key] = decodeURIComponent(value);
    } catch {
      return undefined;
    }
    return { name, parameters };
  }
  return undefined;
}
