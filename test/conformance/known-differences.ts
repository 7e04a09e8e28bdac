import type { KnownDifference } from './differences.ts';

const CLIENT_FAULT: readonly KnownDifference[] = [400, 403, 404, 409].map(ours => ({
  exchange: '*',
  at: 'status',
  ours,
  theirs: 500,
  reason: 'Docker has no status of its own for many wrong requests; the fault is the client’s all the same',
  told: 'requests that Docker answers with 500',
}));

/** Refused when the container is made; Docker makes it, and refuses to start it. */
const EARLY: readonly KnownDifference[] = [
  'no image',
  'a host name that is none',
  'a health check of an unknown kind',
  'a log size that is none',
  'name servers that are none',
  'a user mode that is unknown',
  'a limit that is unknown',
  'a soft limit above the hard one',
  'a device rule that is none',
].flatMap(what =>
  ['status', 'body'].map(at => ({
    exchange: `containerCreate: takes ${what}`,
    at,
    reason: 'a container that can never start is not made',
    told: 'requests that could never start',
  })),
);

function of(
  exchange: string,
  places: readonly string[],
  reason: string,
  told: string,
): readonly KnownDifference[] {
  return places.map(at => ({ exchange, at, reason, told }));
}

const WORDS = 'the sentence says which registry, which file, and what was wrong with it';

/** The list. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  ...CLIENT_FAULT,
  ...EARLY,
  {
    exchange: '*a registry that is not there',
    at: 'status',
    ours: 503,
    theirs: 500,
    reason: 'another try may work',
    told: 'what registries and archives did wrong',
  },
  ...of('*a registry that is not there', ['body'], WORDS, 'what registries and archives did wrong'),
  ...of('imageLoad: *', ['body[0]'], WORDS, 'what registries and archives did wrong'),
  ...of(
    'containerArchive: puts what is no archive',
    ['body'],
    WORDS,
    'what registries and archives did wrong',
  ),
  ...of(
    'login: no JSON',
    ['body'],
    'Docker forgets to say what is wrong',
    'what registries and archives did wrong',
  ),
  ...of(
    'containerArchive: a file as a folder',
    ['body'],
    'the path as the client gave it',
    'what registries and archives did wrong',
  ),
  ...of(
    'containerCreate: an address in the default network',
    ['body'],
    'the first fault is told alone',
    'the first fault',
  ),
  ...of(
    'imageCreate: nothing',
    ['status', 'body'],
    'nothing is fetched from an address',
    '`import` from an address',
  ),
  ...of('imageSearch: *', ['status', 'body'], 'a service of one registry', '`search`'),
  ...of('*', ['body.HostConfig.Runtime'], 'crun is smaller and starts faster', '`crun`'),
  ...of('*', ['body.GraphDriver.Data'], 'layers are EROFS files, no folders', '`GraphDriver`'),
  ...of(
    'imageInspect: *',
    ['body.Metadata.LastTagTime'],
    'names are kept, not when they were given',
    '`LastTagTime`',
  ),
  ...of(
    'networkInspect: the default one',
    ['body.Options.com.docker.network.bridge.name'],
    'docker0 is left to Docker',
    '`docker-sys`',
  ),
  ...of(
    'version: *',
    ['body.Platform.Name', 'body.GitCommit', 'body.GoVersion', 'body.BuildTime'],
    'another program',
    'its own name and parts',
  ),
  ...of('info: *', ['body.ContainerdCommit.*'], 'there is no containerd', 'its own name and parts'),
  ...of(
    'containerInspect: with a slash before its name',
    ['status', 'type', 'body'],
    'a name with a slash is a name',
    'redirected',
  ),
  ...of(
    'none: two slashes',
    ['status', 'type', 'body'],
    'no client follows a redirect of a POST',
    'redirected',
  ),
  ...of(
    'imageTag: no name',
    ['status', 'type', 'body'],
    'Docker says yes and does nothing',
    'a tag without a name',
  ),
  ...of(
    'imagePush: without a login',
    ['status', 'body'],
    'many registries need none',
    'without `X-Registry-Auth`',
  ),
  ...of(
    'containerList: *',
    ['body[*].Mounts[*].Source'],
    'Docker forgets it in listings',
    'anonymous volumes in listings',
  ),
  ...of(
    'containerInspect: one that*ended*',
    ['body.NetworkSettings.SandboxKey'],
    'the namespace is gone by then',
    'of a container that has ended',
  ),
  ...of(
    'containerInspect: one that has ended',
    ['body.NetworkSettings.Networks.bridge.DNSNames'],
    'a rename gives no names where there is no name server',
    'of a container that has ended',
  ),
  ...of('containerExport: *', ['body'], 'what is mounted on is made in memory', 'places for mounts'),
  ...of(
    'containerStats: once, without the one before',
    ['body.name', 'body.id'],
    'Docker forgets them there',
    'name and id in `stats',
  ),
  ...of('containerStats: as they come', ['type'], 'Docker says nothing', 'name and id in `stats'),
  ...of(
    'execStart: a program that is not there',
    ['status', 'type', 'body'],
    'a detached start is not waited for',
    '`exec` of a program that is not there',
  ),
  ...of(
    'networkCreate: a name with a slash',
    ['status', 'body'],
    'they become words of the name server’s files',
    'names of networks',
  ),
  ...of(
    'networkRemove: a name with a slash',
    ['status', 'type', 'body'],
    'it was not made',
    'names of networks',
  ),
  ...of(
    'imageSave: *',
    ['body'],
    'configurations of single layers are of use to Docker before 1.10 alone',
    'configurations of single layers',
  ),
  ...['a swarm', 'services of a swarm', 'plugins', 'a build'].flatMap(what =>
    of(`none: ${what}`, ['status', 'body'], 'there is no such thing here', '`build`, swarm'),
  ),
];
