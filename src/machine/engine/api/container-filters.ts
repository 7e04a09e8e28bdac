import { ToolError } from '../../../shared/errors.ts';
import { ownValue } from '../../../shared/own-value.ts';
import type { PortBody } from '../../engine-api/bodies.ts';
import { invalidParameter, noSuchContainer } from '../docker-errors.ts';
import type { Filters, ListOptions } from '../http/backend.ts';
import { endpointsOf, isNetworkName, networkModeOf } from '../networks/modes.ts';
import { type ContainerRecord, isLive } from '../store/container-record.ts';

const ON = ['1', 'true'];
const OFF = ['0', 'false'];
const HEALTHS = ['none', 'starting', 'healthy', 'unhealthy'];
const STATUSES = ['created', 'restarting', 'running', 'removing', 'paused', 'exited', 'dead'];

/**
 * The containers that a listing asks for, the newest first. Without `all`, a limit or a filter on the
 * state only those that run. Throws ENGINE_INVALID_PARAMETER, CONTAINER_NOT_FOUND (before, since).
 */
export function selectContainers(
  records: readonly ContainerRecord[],
  options: ListOptions,
  imageIdOf: (name: string) => string,
  healthOf: (id: string) => string = () => 'none',
  portsOf: (record: ContainerRecord) => readonly PortBody[] = () => [],
): ContainerRecord[] {
  const { filters } = options;
  for (const status of filters.get('status') ?? []) {
    if (!STATUSES.includes(status)) throw invalidParameter(`invalid filter 'status=${status}'`);
  }
  for (const health of filters.get('health') ?? []) {
    if (!HEALTHS.includes(health)) throw invalidParameter(`unrecognized filter value for health: ${health}`);
  }
  checkTaskFilter(filters.get('is-task') ?? []);
  const showsAll = options.all || options.limit > 0 || filters.has('status');
  const newestFirst = records.toReversed();
  const test = matcher(newestFirst, filters, imageIdOf, healthOf, portsOf);
  const selected = newestFirst.filter(record => (showsAll || isUp(record)) && test(record));
  return options.limit > 0 ? selected.slice(0, options.limit) : selected;
}

function isUp({ state }: ContainerRecord): boolean {
  return isLive(state) || state.status === 'restarting';
}

function matcher(
  newestFirst: readonly ContainerRecord[],
  filters: Filters,
  imageIdOf: (name: string) => string,
  healthOf: (id: string) => string,
  portsOf: (record: ContainerRecord) => readonly PortBody[],
): (record: ContainerRecord) => boolean {
  const any = (key: string, test: (value: string) => boolean): boolean => {
    const values = filters.get(key);
    return values === undefined || values.length === 0 || values.some(test);
  };
  const indexOf = (nameOrId: string): number => {
    const wanted = nameOrId.replace(/^\//, '');
    const index = newestFirst.findIndex(
      ({ id, name }) => name === wanted || (wanted !== '' && id.startsWith(wanted)),
    );
    if (index < 0) throw noSuchContainer(nameOrId);
    return index;
  };
  const before = Math.max(-1, ...(filters.get('before') ?? []).map(indexOf));
  const since = Math.min(newestFirst.length, ...(filters.get('since') ?? []).map(indexOf));
  const ancestors = (filters.get('ancestor') ?? []).map(name => imageIdOrNone(name, imageIdOf));
  const exited = (filters.get('exited') ?? []).map(code => {
    if (!/^-?\d+$/.test(code)) {
      throw invalidParameter(
        `invalid filter 'exited=${code}': strconv.Atoi: parsing ${JSON.stringify(code)}: invalid syntax`,
      );
    }
    return Number(code);
  });
  return record => {
    const { state } = record;
    const index = newestFirst.indexOf(record);
    return (
      index > before &&
      index < since &&
      any('id', value => record.id.startsWith(value)) &&
      any('name', value => matchesName(record.name, value)) &&
      (filters.get('label') ?? []).every(value => hasLabel(record, value)) &&
      any('status', value => state.status === value) &&
      (exited.length === 0 || (state.status === 'exited' && exited.includes(state.exitCode))) &&
      (ancestors.length === 0 || ancestors.includes(record.imageId)) &&
      any('network', value => isInNetwork(record, value)) &&
      any('volume', value => mentionsVolume(record, value)) &&
      any('health', value => value === healthOf(record.id)) &&
      any('is-task', value => OFF.includes(value)) &&
      // What a container that does not run would publish is not published.
      any('publish', value => hasPort(value, portsOf(record), 'PublicPort')) &&
      any('expose', value => hasPort(value, portsOf(record), 'PrivatePort'))
    );
  };
}

function imageIdOrNone(name: string, imageIdOf: (name: string) => string): string {
  try {
    return imageIdOf(name);
  } catch (error) {
    if (error instanceof ToolError && error.kind === 'not-found') return '';
    throw error;
  }
}

/** Docker takes the value as a regular expression over the name with and without its slash. */
export function matchesName(name: string, value: string): boolean {
  if (name.includes(value) || `/${name}`.includes(value)) return true;
  // Anchors and wildcards are what people use; a pattern of theirs must not hang the engine, as backtracking would.
  const simple = /^(\^?)([\w./-]|\.\*)*?(\$?)$/.test(value);
  return simple && [name, `/${name}`].some(text => matchesParts(text, value));
}

/** Looks for the parts between `.*` one after the other; a dot stands for any letter. */
function matchesParts(text: string, value: string): boolean {
  const parts = value.replace(/^\^/, '').replace(/\$$/, '').split('.*');
  let at = 0;
  for (const [index, part] of parts.entries()) {
    const isFirst = index === 0 && value.startsWith('^');
    const isLast = index === parts.length - 1 && value.endsWith('$');
    const places = isLast ? [text.length - part.length] : indexesFrom(at, isFirst ? at : text.length);
    const found = places.find(place => place >= at && isAt(text, part, place));
    if (found === undefined || (isFirst && found !== 0)) return false;
    at = found + part.length;
  }
  return true;
}

function indexesFrom(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function isAt(text: string, part: string, place: number): boolean {
  const piece = text.slice(place, place + part.length);
  return (
    piece.length === part.length &&
    Array.from(part).every((letter, index) => letter === '.' || letter === piece[index])
  );
}

function hasLabel(record: ContainerRecord, value: string): boolean {
  const [key = '', wanted] = value.split(/=(.*)/s);
  const label = ownValue(record.request.Labels ?? {}, key);
  return label !== undefined && (wanted === undefined || label === wanted);
}

/** By its name as it was asked for, or the network's id. */
function isInNetwork(record: ContainerRecord, value: string): boolean {
  const mode = networkModeOf(record.request);
  const isOnlyMode = !isNetworkName(mode) && record.endpoints === undefined;
  return (
    (isOnlyMode && mode === value) ||
    endpointsOf(record).some(({ network }) => network === value) ||
    (record.sandbox?.endpoints ?? []).some(
      ({ networkId }) => value.length >= 12 && networkId.startsWith(value),
    )
  );
}

/** Docker's swarm has tasks; here is none. Throws ENGINE_INVALID_PARAMETER. */
function checkTaskFilter(values: readonly string[]): void {
  if (values.length > 1 || values.some(value => !ON.includes(value) && !OFF.includes(value))) {
    throw invalidParameter(`invalid filter 'is-task=[${values.join(' ')}]'`);
  }
}

/** `80`, `80/udp` or `8000-8010/tcp`. Throws ENGINE_INVALID_PARAMETER. */
function hasPort(value: string, ports: readonly PortBody[], which: 'PublicPort' | 'PrivatePort'): boolean {
  const [, first = '', last = first, protocol = 'tcp'] =
    /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(value) ?? [];
  if (first === '') {
    const [range = ''] = value.split('/');
    throw invalidParameter(
      `error while looking up for publish ${value}: strconv.ParseUint: parsing ${JSON.stringify(range)}: invalid syntax`,
    );
  }
  return ports.some(port => {
    const number = port[which] ?? -1;
    return port.Type === protocol && number >= Number(first) && number <= Number(last);
  });
}

function mentionsVolume(record: ContainerRecord, value: string): boolean {
  const host = record.request.HostConfig ?? {};
  return (
    (host.Binds ?? []).some(bind => bind.split(':').slice(0, 2).includes(value)) ||
    (host.Mounts ?? []).some(mount => mount.Target === value || mount.Source === value) ||
    (record.mounts ?? []).some(
      mount => mount.destination === value || (mount.kind === 'volume' && mount.name === value),
    )
  );
}
