import { type Exchange, refused, works } from '../exchange.ts';
import { CHANGES, COMMITTED, PATH_STAT } from '../tables/processes.ts';
import { REMOVED } from '../tables/images.ts';

const STAT = { name: 'x-docker-container-path-stat', shape: PATH_STAT };

/** Files of the container that has said something, and an image of it. */
export const FILE_EXCHANGES: readonly Exchange[] = [
  works('containerChanges', 'what was changed', 'GET /containers/conf-said/changes', 200, CHANGES),
  refused(
    'containerChanges',
    'of one that is not there',
    'GET /containers/nope/changes',
    404,
    'No such container: nope',
  ),
  refused(
    'containerExport',
    'of one that is not there',
    'GET /containers/nope/export',
    404,
    'No such container: nope',
  ),
  works('containerExport', 'all its files', 'GET /containers/conf-said/export', 200, undefined, {
    read: 'tar',
  }),

  works(
    'containerArchive',
    'what a file is',
    'HEAD /containers/conf-said/archive?path=/tmp/new',
    200,
    undefined,
    { header: STAT, read: 'text' },
  ),
  works(
    'containerArchive',
    'what a link is',
    'HEAD /containers/conf-said/archive?path=/bin/sh',
    200,
    undefined,
    { header: STAT, read: 'text' },
  ),
  works('containerArchive', 'what the root is', 'HEAD /containers/conf-said/archive?path=/', 200, undefined, {
    header: STAT,
    read: 'text',
  }),
  works('containerArchive', 'a folder', 'GET /containers/conf-said/archive?path=tmp', 200, undefined, {
    header: STAT,
    read: 'tar',
  }),
  works(
    'containerArchive',
    "a folder's contents",
    'GET /containers/conf-said/archive?path=/tmp/.',
    200,
    undefined,
    { header: STAT, read: 'tar' },
  ),
  works(
    'containerArchive',
    'a path out of the root',
    'GET /containers/conf-said/archive?path=../../tmp/new',
    200,
    undefined,
    { header: STAT, read: 'tar' },
  ),
  refused(
    'containerArchive',
    'no path',
    'GET /containers/conf-said/archive',
    400,
    'bad parameter: pathcannot be empty',
  ),
  refused(
    'containerArchive',
    'a path that is not there',
    'GET /containers/conf-said/archive?path=/nope',
    404,
    'Could not find the file /nope in container conf-said',
  ),
  refused(
    'containerArchive',
    'a file as a folder',
    'GET /containers/conf-said/archive?path=/etc/passwd/',
    500,
    'lstat /etc/passwd/: not a directory',
  ),
  refused(
    'containerArchive',
    'of one that is not there',
    'GET /containers/nope/archive?path=/',
    404,
    'No such container: nope',
  ),
  works(
    'containerArchive',
    'puts an empty archive',
    'PUT /containers/conf-said/archive?path=/tmp',
    200,
    undefined,
    {
      body: Buffer.alloc(1024),
      headers: { 'Content-Type': 'application/x-tar' },
    },
  ),
  refused(
    'containerArchive',
    'puts where nothing is',
    'PUT /containers/conf-said/archive?path=/nope',
    404,
    'Could not find the file /nope in container conf-said',
    { body: Buffer.alloc(1024) },
  ),
  refused(
    'containerArchive',
    'puts into a file',
    'PUT /containers/conf-said/archive?path=/etc/passwd',
    500,
    'extraction point is not a directory',
    { body: Buffer.alloc(1024) },
  ),
  refused(
    'containerArchive',
    'puts without a path',
    'PUT /containers/conf-said/archive',
    400,
    'bad parameter: pathcannot be empty',
    {
      body: Buffer.alloc(1024),
    },
  ),
  refused(
    'containerArchive',
    'puts what is no archive',
    'PUT /containers/conf-said/archive?path=/tmp',
    500,
    'archive/tar: invalid tar header',
    { body: Buffer.alloc(2048, 'x') },
  ),

  works(
    'imageCommit',
    'a container',
    'POST /commit?container=conf-said&repo=conformance/made&tag=1&author=me&comment=so&changes=ENV%20A=b',
    201,
    COMMITTED,
  ),
  works('imageRemove', 'what was committed', 'DELETE /images/conformance/made:1', 200, REMOVED),
  refused('imageCommit', 'no container', 'POST /commit', 400, 'invalid name or ID supplied: ""'),
  refused(
    'imageCommit',
    'one that is not there',
    'POST /commit?container=nope',
    404,
    'No such container: nope',
  ),
  refused(
    'imageCommit',
    'under no name',
    'POST /commit?container=conf-said&repo=A%20B',
    400,
    'invalid reference format: repository name (library/A B) must be lowercase',
  ),
  refused(
    'imageCommit',
    'a change that is none',
    'POST /commit?container=conf-said&changes=RUN%20x',
    400,
    'RUN is not a valid change command',
  ),
  refused(
    'imageCommit',
    'with a body that is no JSON',
    'POST /commit?container=conf-said',
    400,
    'invalid JSON: unexpected EOF',
    {
      body: '{',
    },
  ),
];
