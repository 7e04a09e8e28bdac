import { ToolError } from '../../../shared/errors.ts';
import { invalidParameter, noSuchContainer } from '../docker-errors.ts';
import type { Filters, ListOptions } from '../http/backend.ts';
import { endpointsOf, isNetworkName, networkModeOf } from '../networks/modes.ts';
import type { ContainerRecord } from '../store/container-record.ts';

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
): ContainerRecord[] {
  const { filters } = options;
  for (const status of filters.get('status') ?? []) {
    if (!STATUSES.includes(status)) throw invalidParameter(`invalid filter 'status=${status}'`);
  }
  const showsAll = options.all || options.limit > 0 || ['status', 'exited'].some(key => filters.has(key));
  const newestFirst = records.toReversed();
  const test = matcher(newestFirst, filters, imageIdOf, healthOf);
  const selected = newestFirst.filter(record => (showsAll || isUp(record)) && test(record));
  return options.limit > 0 ? selected.slice(0, options.limit) : selected;
}

function isUp({ state }: ContainerRecord): boolean {
  return state.status === 'running' || state.status === 'paused' || state.status === 'restarting';
}

function matcher(
  newestFirst: readonly ContainerRecord[],
  filters: Filters,
  imageIdOf: (name: string) => string,
  healthOf: (id: string) => string,
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
    if (!/^-?\d+$/.test(code)) throw invalidParameter(`invalid filter 'exited=${code}'`);
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
      any('is-task', value => value === 'false' || value === '0') &&
      any('publish', value => hasPort(value, publishedPorts(record))) &&
      any('expose', value => hasPort(value, (record.request.ExposedPorts ?? []).map(splitPort)))
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
  // Anchors and the plain wildcard are what people use; a pattern of theirs must not hang the engine.
  const simple = /^\^?([\w./-]|\.\*)*\$?$/.test(value);
  if (!simple || value.length > 256) return false;
  const pattern = new RegExp(value.replace(/(\.\*)+/g, '.*'));
  return pattern.test(name) || pattern.test(`/${name}`);
}

function hasLabel(record: ContainerRecord, value: string): boolean {
  const [key = '', wanted] = value.split(/=(.*)/s);
  const label = record.request.Labels?.[key];
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

interface Port {
  readonly port: number;
  readonly protocol: string;
}

function publishedPorts(record: ContainerRecord): Port[] {
  return (record.sandbox?.ports ?? []).map(({ containerPort, protocol }) => ({
    port: containerPort,
    protocol,
  }));
}

function splitPort(key: string): Port {
  const [port = '', protocol = 'tcp'] = key.split('/');
  return { port: Number(port), protocol };
}

/** `80`, `80/udp` or `8000-8010/tcp`. Throws ENGINE_INVALID_PARAMETER. */
function hasPort(value: string, ports: readonly Port[]): boolean {
  const [, first = '', last = first, protocol = 'tcp'] =
    /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(value) ?? [];
  if (first === '') throw invalidParameter(`invalid range format for port filter: ${value}`);
  return ports.some(
    one => one.protocol === protocol && one.port >= Number(first) && one.port <= Number(last),
  );
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
