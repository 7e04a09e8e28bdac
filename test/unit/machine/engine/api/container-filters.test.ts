import t from 'tap';
import { matchesName, selectContainers } from '../../../../../src/machine/engine/api/container-filters.ts';
import type {
  ContainerRecord,
  ContainerState,
} from '../../../../../src/machine/engine/store/container-record.ts';

const life = { startedAtMs: 1, finishedAtMs: 2, oomKilled: false };
const process = { pid: 1, startTime: '1', bootId: 'b' };
const container = (
  name: string,
  state: ContainerState,
  request: Partial<ContainerRecord['request']> = {},
): ContainerRecord => ({
  schema: 1,
  id: name.charCodeAt(0).toString(16).repeat(32),
  name,
  createdAtMs: 1,
  scope: 'boot',
  bootId: 'b',
  imageId: `sha256:${request.Image ?? 'x'}`,
  request: { Image: 'x', ...request },
  state,
  restartCount: 0,
  streak: 0,
  stopRequested: false,
  starting: false,
});
const records = [
  container(
    'web',
    { status: 'running', startedAtMs: 1, process, monitor: process },
    { Labels: { tier: 'front', x: '' } },
  ),
  container('job', { status: 'exited', exitCode: 3, ...life }, { Image: 'y' }),
  container(
    'db',
    { status: 'restarting', exitCode: 1, retryAtMs: 3, ...life },
    { HostConfig: { Binds: ['/data:/var/lib'] } },
  ),
  container('new', { status: 'created', exitCode: 0 }),
];

t.test('what is listed', async t => {
  const names = (
    filters: Record<string, string[]>,
    options: { all?: boolean; limit?: number } = {},
  ): string =>
    selectContainers(
      records,
      { all: options.all ?? false, limit: options.limit ?? 0, filters: new Map(Object.entries(filters)) },
      name => `sha256:${name}`,
    )
      .map(({ name }) => name)
      .join(' ');
  const cases: readonly [Record<string, string[]>, { all?: boolean; limit?: number }, string][] = [
    [{}, {}, 'db web'],
    [{}, { all: true }, 'new db job web'],
    [{}, { limit: 2 }, 'new db'],
    [{ status: ['exited'] }, {}, 'job'],
    [{ status: ['exited', 'created'] }, {}, 'new job'],
    [{ exited: ['3'] }, { all: true }, 'job'],
    [{ exited: ['3'] }, {}, ''],
    [{ exited: ['4'] }, {}, ''],
    [{ name: ['^/w'] }, { all: true }, 'web'],
    [{ name: ['b'] }, { all: true }, 'db job web'],
    [{ label: ['tier=front', 'x'] }, {}, 'web'],
    [{ label: ['tier=back'] }, {}, ''],
    [{ ancestor: ['y'] }, { all: true }, 'job'],
    [{ since: ['job'] }, { all: true }, 'new db'],
    [{ before: ['job'] }, { all: true }, 'web'],
    [{ volume: ['/var/lib'] }, {}, 'db'],
    [{ id: ['77'] }, { all: true }, 'web'],
  ];
  for (const [filters, options, expected] of cases)
    t.equal(names(filters, options), expected, JSON.stringify([filters, options]));
  t.throws(() => names({ status: ['odd'] }), { message: "invalid filter 'status=odd'" });
  t.throws(() => names({ before: ['nope'] }), { message: 'No such container: nope' });
  t.equal(names({ name: ['(a+)+$'] }, { all: true }), '', 'a pattern that could hang is not tried');
});

t.test('patterns of names', async t => {
  const cases: readonly [string, string, boolean][] = [
    ['web-1', 'web', true],
    ['web-1', '^web', true],
    ['web-1', '^/web', true],
    ['web-1', '^eb', false],
    ['web-1', '1$', true],
    ['web-1', 'web$', false],
    ['web-1', '^w.*1$', true],
    ['web-1', '^w.b-1$', true],
    ['web-1', 'e.*b.*1', true],
    ['web-1', 'b.*e', false],
    ['web', '^web$', true],
    ['web', '^web.$', false],
    ['web-web', '^web.*web$', true],
    ['web', '^web.*web$', false],
    ['a'.repeat(40), `${'a.*'.repeat(80)}b`, false],
    ['web', '(web|db)', false],
  ];
  for (const [name, pattern, expected] of cases)
    t.equal(matchesName(name, pattern), expected, `${name} ${pattern}`);
});

t.test('labels are those of the container, not of every object', async t => {
  const filters = new Map([['label', ['constructor']]]);
  t.same(
    selectContainers(records, { all: true, limit: 0, filters }, name => name),
    [],
  );
});
