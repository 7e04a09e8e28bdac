import t from 'tap';
import { parseVersionedPath } from '../../../../src/machine/engine-api/api-version.ts';
import { httpStatusOf, kindOfStatus } from '../../../../src/machine/engine-api/http-status.ts';
import {
  ROUTE_NAMES,
  ROUTES,
  matchRoute,
  unsupportedSentence,
} from '../../../../src/machine/engine-api/routes.ts';
import { ToolError } from '../../../../src/shared/errors.ts';

t.test('paths find their handler', async t => {
  const cases: readonly [string, string, string | undefined, Record<string, string>?][] = [
    ['GET', '/_ping', 'ping'],
    ['HEAD', '/_ping', 'ping'],
    ['POST', '/_ping', undefined],
    ['GET', '/containers/json', 'containerList'],
    ['GET', '/containers/json/json', 'containerInspect', { id: 'json' }],
    ['GET', '/containers/a%2Fb/json', 'containerInspect', { id: 'a/b' }],
    ['GET', '/containers/%zz/json', undefined],
    ['GET', '/containers/web/logs', 'containerLogs', { id: 'web' }],
    ['DELETE', '/containers/web', 'containerRemove', { id: 'web' }],
    ['POST', '/containers/web/attach', 'containerAttach', { id: 'web' }],
    ['GET', '/containers/web/attach/ws', 'containerAttachSocket', { id: 'web' }],
    ['POST', '/containers/web/resize', 'containerResize', { id: 'web' }],
    ['POST', '/exec/abc/start', 'execStart', { id: 'abc' }],
    ['POST', '/containers/create', 'containerCreate'],
    ['POST', '/containers/prune', 'containerPrune'],
    ['GET', '/containers/web/stats', 'containerStats', { id: 'web' }],
    ['GET', '/images/library/alpine:3.22/json', 'imageInspect', { name: 'library/alpine:3.22' }],
    ['GET', '/volumes', 'volumeList'],
    ['GET', '/swarm', 'unsupported'],
    ['POST', '/build', 'unsupported'],
    ['POST', '/build/prune', 'buildPrune'],
    ['GET', '/containers', undefined],
    ['GET', '/', undefined],
    ['GET', '/containers/a/b/json', undefined],
  ];
  for (const [method, path, name, parameters] of cases) {
    const match = matchRoute(method, path);
    t.equal(match?.name, name, `${method} ${path}`);
    if (parameters !== undefined) t.same({ ...match?.parameters }, parameters);
  }
});

t.test('what is left out is named', async t => {
  t.match(unsupportedSentence('POST', '/build'), /^building images is not supported by system-docker: /);
  t.equal(unsupportedSentence('GET', '/plugins'), 'plugins are not supported by system-docker');
  t.equal(unsupportedSentence('PUT', '/volumes/v'), 'PUT /volumes/v is not supported by system-docker');
  t.match(unsupportedSentence('GET', '/secrets'), /^swarm and .* are not supported by system-docker$/);
});

t.test('every route name is in the table', async t => {
  for (const name of ROUTE_NAMES)
    t.ok(
      ROUTES.some(route => route.name === name),
      name,
    );
});

t.test('versions', async t => {
  t.same(parseVersionedPath('/v1.41/info'), { version: '1.41', path: '/info' });
  t.same(parseVersionedPath('/info'), { version: '1.45', path: '/info' });
  t.same(parseVersionedPath('/vx/info'), { version: '1.45', path: '/vx/info' });
  t.throws(() => parseVersionedPath('/v1/info'), {
    message: /^client version 1 is too old/,
  });
  t.throws(() => parseVersionedPath('/v1.45.1/info'), { message: /^client version 1\.45\.1 is too new/ });
  t.throws(() => parseVersionedPath('/v1.46/info'), {
    message: 'client version 1.46 is too new. Maximum supported API version is 1.45',
  });
  t.throws(() => parseVersionedPath('/v1.23/info'), {
    message: /^client version 1\.23 is too old\. Minimum supported API version is 1\.24/,
  });
});

t.test('kinds and statuses', async t => {
  const error = (kind: ConstructorParameters<typeof ToolError>[1]['kind']) =>
    new ToolError('', { code: 'X', kind });
  t.equal(httpStatusOf(error('not-found')), 404);
  t.equal(httpStatusOf(error('not-modified')), 304);
  t.equal(httpStatusOf(error('unsupported')), 501);
  t.equal(httpStatusOf(new Error('bug')), 500);
  t.equal(kindOfStatus(409), 'conflict');
  t.equal(kindOfStatus(418), 'invalid-input');
});
