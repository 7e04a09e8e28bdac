/**
 * Docker's API as a table: every path it has, and the name of its handler, or that it is left out.
 */

export const ROUTE_NAMES = [
  'ping',
  'version',
  'info',
  'events',
  'diskUsage',
  'buildPrune',
  'containerList',
  'containerCreate',
  'containerUpdate',
  'containerRename',
  'containerPause',
  'containerUnpause',
  'containerTop',
  'containerStats',
  'containerPrune',
  'containerInspect',
  'containerLogs',
  'containerAttach',
  'containerAttachSocket',
  'containerResize',
  'containerStart',
  'containerStop',
  'containerRestart',
  'containerKill',
  'containerWait',
  'containerRemove',
  'containerChanges',
  'containerExport',
  'containerArchive',
  'imageCommit',
  'volumeList',
  'volumeCreate',
  'volumeInspect',
  'volumeRemove',
  'volumePrune',
  'networkList',
  'networkCreate',
  'networkInspect',
  'networkRemove',
  'networkConnect',
  'networkDisconnect',
  'networkPrune',
  'execCreate',
  'execStart',
  'execInspect',
  'execResize',
  'imageList',
  'imageCreate',
  'imageLoad',
  'imageSearch',
  'imageSave',
  'imagePrune',
  'imageInspect',
  'imageHistory',
  'imagePush',
  'imageTag',
  'imageRemove',
  'distributionInspect',
  'login',
] as const;

export type RouteName = (typeof ROUTE_NAMES)[number];

export interface Route {
  readonly methods: readonly string[];
  /** Named groups are the path's parameters; `{name...}` may hold slashes, and `{name?}` be empty. */
  readonly pattern: RegExp;
  readonly name: RouteName | 'unsupported';
}

function route(methods: string, path: string, name: Route['name']): Route {
  const pattern = path
    .replace(/\{(\w+)\?\}/g, '(?<$1>[^/]*)')
    .replace(/\{(\w+)\.\.\.\}/g, '(?<$1>.+)')
    .replace(/\{(\w+)\}/g, '(?<$1>[^/]+)');
  return { methods: methods.split(' '), pattern: new RegExp(`^${pattern}$`), name };
}

/** The first match counts. */
export const ROUTES: readonly Route[] = [
  route('GET HEAD', '/_ping', 'ping'),
  route('GET', '/version', 'version'),
  route('GET', '/info', 'info'),
  route('GET', '/events', 'events'),
  route('GET', '/system/df', 'diskUsage'),

  route('GET', '/containers/json', 'containerList'),
  route('POST', '/containers/create', 'containerCreate'),
  route('POST', '/containers/prune', 'containerPrune'),
  route('GET', '/containers/{id}/json', 'containerInspect'),
  route('GET', '/containers/{id}/logs', 'containerLogs'),
  route('POST', '/containers/{id}/attach', 'containerAttach'),
  route('GET', '/containers/{id}/attach/ws', 'containerAttachSocket'),
  route('POST', '/containers/{id}/resize', 'containerResize'),
  route('POST', '/containers/{id}/start', 'containerStart'),
  route('POST', '/containers/{id}/stop', 'containerStop'),
  route('POST', '/containers/{id}/restart', 'containerRestart'),
  route('POST', '/containers/{id}/kill', 'containerKill'),
  route('POST', '/containers/{id}/wait', 'containerWait'),
  route('DELETE', '/containers/{id?}', 'containerRemove'),
  route('POST', '/containers/{id}/exec', 'execCreate'),
  route('POST', '/containers/{id}/pause', 'containerPause'),
  route('POST', '/containers/{id}/unpause', 'containerUnpause'),
  route('POST', '/containers/{id}/rename', 'containerRename'),
  route('POST', '/containers/{id}/update', 'containerUpdate'),
  route('GET', '/containers/{id}/top', 'containerTop'),
  route('GET', '/containers/{id}/stats', 'containerStats'),
  route('GET', '/containers/{id}/changes', 'containerChanges'),
  route('GET', '/containers/{id}/export', 'containerExport'),
  route('GET PUT HEAD', '/containers/{id}/archive', 'containerArchive'),

  route('POST', '/commit', 'imageCommit'),
  route('GET', '/volumes', 'volumeList'),
  route('POST', '/volumes/create', 'volumeCreate'),
  route('POST', '/volumes/prune', 'volumePrune'),
  route('GET', '/volumes/{name?}', 'volumeInspect'),
  route('DELETE', '/volumes/{name}', 'volumeRemove'),

  route('GET', '/networks/?', 'networkList'),
  route('POST', '/networks/create', 'networkCreate'),
  route('POST', '/networks/prune', 'networkPrune'),
  route('GET', '/networks/{name}', 'networkInspect'),
  route('DELETE', '/networks/{name}', 'networkRemove'),
  route('POST', '/networks/{name}/connect', 'networkConnect'),
  route('POST', '/networks/{name}/disconnect', 'networkDisconnect'),

  route('POST', '/exec/{id}/start', 'execStart'),
  route('POST', '/exec/{id}/resize', 'execResize'),
  route('GET', '/exec/{id}/json', 'execInspect'),

  route('GET', '/images/json', 'imageList'),
  route('POST', '/images/create', 'imageCreate'),
  route('POST', '/images/load', 'imageLoad'),
  route('GET', '/images/search', 'imageSearch'),
  route('GET', '/images/get', 'imageSave'),
  route('POST', '/images/prune', 'imagePrune'),
  route('GET', '/images/{name...}/json', 'imageInspect'),
  route('GET', '/images/{name...}/history', 'imageHistory'),
  route('GET', '/images/{name...}/get', 'imageSave'),
  route('POST', '/images/{name...}/push', 'imagePush'),
  route('POST', '/images/{name...}/tag', 'imageTag'),
  route('DELETE', '/images/{name...}', 'imageRemove'),
  route('GET', '/distribution/{name...}/json', 'distributionInspect'),
  route('POST', '/auth', 'login'),
  route('POST', '/build/prune', 'buildPrune'),
  route('GET POST', '/(session|build|build/cancel)', 'unsupported'),
  route(
    'GET POST DELETE PUT',
    '/(volumes|swarm|services|nodes|tasks|secrets|configs|plugins)(/.*)?',
    'unsupported',
  ),
];

/** What a client is told of a path that is left out. */
export function unsupportedSentence(method: string, path: string): string {
  if (/^\/(build|session)/.test(path)) {
    return 'building images is not supported by system-docker: build the image elsewhere, then pull or load it';
  }
  if (path.startsWith('/plugins')) return 'plugins are not supported by system-docker';
  if (path.startsWith('/volumes')) return `${method} ${path} is not supported by system-docker`;
  return 'swarm and its services, secrets and configs are not supported by system-docker';
}

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
