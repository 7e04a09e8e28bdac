import t from 'tap';
import { eventFilter, formatEvent } from '../../../../../src/machine/engine/api/events.ts';

const container = {
  id: 'c'.repeat(64),
  name: 'web',
  image: 'example.org/app:1',
  imageId: 'sha256:1',
  status: 'running',
  pid: 1,
  exitCode: 0,
  restartCount: 0,
  stopRequested: false,
  labels: { tier: 'front', name: 'a label cannot take its place' },
} as const;
const start = formatEvent({ action: 'start', container, timeMs: 1_700_000_000_123 });
const health = formatEvent({
  action: 'health_status',
  container,
  timeMs: 1,
  attributes: { detail: 'healthy' },
});
const exec = formatEvent({
  action: 'exec_create',
  container,
  timeMs: 1,
  attributes: { detail: 'ls -l', execID: 'e' },
});
const pull = formatEvent({
  type: 'image',
  action: 'pull',
  id: 'alpine:3',
  attributes: { name: 'alpine' },
  timeMs: 1,
});
const mount = formatEvent({
  type: 'volume',
  action: 'mount',
  id: 'data',
  attributes: { driver: 'local' },
  timeMs: 1,
});

t.test('shapes', async t => {
  t.same(start, {
    status: 'start',
    id: container.id,
    from: 'example.org/app:1',
    Type: 'container',
    Action: 'start',
    Actor: {
      ID: container.id,
      Attributes: { tier: 'front', image: 'example.org/app:1', name: 'web' },
    },
    scope: 'local',
    time: 1_700_000_000,
    timeNano: 1_700_000_000_123_000_000,
  });
  t.match(JSON.stringify(start), '"timeNano":1700000000123000000');
  t.equal(health.Action, 'health_status: healthy');
  t.match(exec, { Action: 'exec_create: ls -l', Actor: { Attributes: { execID: 'e' } } });
  t.notOk('detail' in exec.Actor.Attributes);
  t.match(pull, { status: 'pull', id: 'alpine:3', Type: 'image' });
  t.notOk('status' in mount);
});

t.test('filters', async t => {
  const all = { start, health, exec, pull, mount };
  const cases: readonly (readonly [Record<string, readonly string[]>, readonly (keyof typeof all)[]])[] = [
    [{}, ['start', 'health', 'exec', 'pull', 'mount']],
    [{ event: [] }, ['start', 'health', 'exec', 'pull', 'mount']],
    [{ event: ['start', 'pull'] }, ['start', 'pull']],
    [{ event: ['health_status'] }, ['health']],
    [{ event: ['health_status: healthy'] }, ['health']],
    [{ event: ['exec_create'] }, ['exec']],
    [{ event: ['exec'] }, []],
    [{ type: ['image'] }, ['pull']],
    [{ type: ['volume', 'image'] }, ['pull', 'mount']],
    [{ container: ['we'] }, ['start', 'health', 'exec']],
    [{ container: ['cccc'] }, ['start', 'health', 'exec']],
    [{ container: ['data'], type: ['volume'] }, ['mount']],
    [{ volume: ['data'] }, ['mount']],
    [{ image: ['example.org/app'] }, ['start', 'health', 'exec']],
    [{ image: ['alpine'] }, ['pull']],
    [{ image: ['example.org/app:2'] }, []],
    [{ label: ['tier'] }, ['start', 'health', 'exec']],
    [{ label: ['tier=front', 'image'] }, ['start', 'health', 'exec']],
    [{ label: ['tier=back'] }, []],
    [{ label: ['constructor'] }, []],
    [{ scope: ['swarm'] }, []],
    [{ scope: ['local'], type: ['image'] }, ['pull']],
    [{ daemon: ['x'] }, []],
    [{ colour: ['red'] }, ['start', 'health', 'exec', 'pull', 'mount']],
  ];
  for (const [filters, expected] of cases) {
    const isWanted = eventFilter(new Map(Object.entries(filters)));
    const seen = Object.entries(all)
      .filter(([, message]) => isWanted(message))
      .map(([name]) => name);
    t.same(seen, expected, JSON.stringify(filters));
  }
});
