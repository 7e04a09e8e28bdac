import { type Exchange, filters, refused, works } from '../exchange.ts';
import { HISTORY, IMAGE, REMOVED } from '../tables/images.ts';
import { EVENT } from '../tables/system.ts';
import { list, optional, ownList, record } from '../shape.ts';

const BASE = 'conformance/base:1';
/** An empty login. */
const LOGIN = { 'X-Registry-Auth': 'e30=' };

/** Images brought here and away. */
export const IMAGE_TRANSFER_EXCHANGES: readonly Exchange[] = [
  refused('imageCreate', 'nothing', 'POST /images/create', 500, 'Get "http:": http: no Host in request URL'),
  refused(
    'imageCreate',
    'a name of capital letters',
    'POST /images/create?fromImage=NOPE',
    400,
    'invalid reference format: repository name (library/NOPE) must be lowercase',
  ),
  refused(
    'imageCreate',
    'a tag that is none',
    'POST /images/create?fromImage=x&tag=a%20b',
    400,
    'invalid tag format',
  ),
  refused(
    'imageCreate',
    'a platform that is none',
    'POST /images/create?fromImage=x&tag=1&platform=a/b/c/d',
    400,
    '"a/b/c/d": cannot parse platform specifier: invalid argument',
  ),
  refused(
    'imageCreate',
    'from a registry that is not there',
    'POST /images/create?fromImage=127.0.0.1:1/x&tag=1',
    500,
    'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
  ),
  works(
    'imageCreate',
    'from an archive',
    'POST /images/create?fromSrc=-&repo=conformance/imported&tag=1&message=so&changes=ENV%20A=b',
    200,
    ownList('any'),
    { read: 'lines', body: Buffer.alloc(1024) },
  ),
  works('imageInspect', 'one that was imported', 'GET /images/conformance/imported:1/json', 200, IMAGE),
  works(
    'imageHistory',
    'of one that was imported',
    'GET /images/conformance/imported:1/history',
    200,
    HISTORY,
  ),
  works('imageRemove', 'one that was imported', 'DELETE /images/conformance/imported:1', 200, REMOVED),
  refused(
    'imageCreate',
    'a change that is none',
    'POST /images/create?fromSrc=-&changes=RUN%20x',
    400,
    'RUN is not a valid change command',
    {
      body: Buffer.alloc(1024),
    },
  ),
  refused(
    'imageCreate',
    'under no name',
    'POST /images/create?fromSrc=-&repo=A%20B',
    400,
    'invalid reference format: repository name (library/A B) must be lowercase',
    {
      body: Buffer.alloc(1024),
    },
  ),
  works(
    'imagePush',
    'one that is not there',
    'POST /images/conformance/nope/push?tag=1',
    200,
    list(record({ status: optional('text'), error: optional('text'), errorDetail: optional('any') })),
    { headers: LOGIN, read: 'lines' },
  ),
  refused(
    'imagePush',
    'a name of capital letters',
    'POST /images/NOPE/push',
    400,
    'invalid reference format: repository name (library/NOPE) must be lowercase',
    { headers: LOGIN },
  ),
  refused(
    'imagePush',
    'without a login',
    'POST /images/conformance/base/push?tag=nope',
    400,
    'bad parameters and missing X-Registry-Auth: invalid X-Registry-Auth header: EOF',
  ),
  works('imageLoad', 'what is no archive', 'POST /images/load', 200, list('any'), {
    read: 'lines',
    body: Buffer.alloc(2048, 'x'),
    headers: { 'Content-Type': 'application/x-tar' },
  }),
  works('imageLoad', 'an empty archive', 'POST /images/load', 200, list('any'), {
    read: 'lines',
    body: Buffer.alloc(1024),
    headers: { 'Content-Type': 'application/x-tar' },
  }),
  works('imageSave', 'by name', `GET /images/${BASE}/get`, 200, undefined, { read: 'tar' }),
  works('imageSave', 'several', `GET /images/get?names=${BASE}&names=conformance/plain:1`, 200, undefined, {
    read: 'tar',
  }),
  refused('imageSave', 'one that is not there', 'GET /images/nope/get', 404, 'No such image: nope'),
  refused(
    'imageSave',
    'one of several is not there',
    `GET /images/get?names=${BASE}&names=nope`,
    404,
    'No such image: nope',
  ),
  refused(
    'imageSearch',
    'a limit that is no number',
    'GET /images/search?term=x&limit=many',
    400,
    'invalid limit specified: strconv.Atoi: parsing "many": invalid syntax',
  ),
  refused(
    'distributionInspect',
    'a name of capital letters',
    'GET /distribution/NOPE/json',
    400,
    'invalid reference format: repository name (library/NOPE) must be lowercase',
  ),
  refused(
    'distributionInspect',
    'an id',
    `GET /distribution/${'a'.repeat(64)}/json`,
    500,
    'no manifest found for full image ID',
  ),
  refused('login', 'no JSON', 'POST /auth', 500, 'unexpected EOF', { body: '{' }),
  works(
    'events',
    'what has happened to images',
    `GET /events?since=1&until={now}&${filters({ type: ['image'], event: ['tag', 'untag', 'delete', 'import'] })}`,
    200,
    list(EVENT),
    { read: 'lines' },
  ),
];
