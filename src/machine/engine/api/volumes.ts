import type { VolumeBody } from '../../engine-api/bodies.ts';
import { conflict, invalidParameter, notInSwarm } from '../docker-errors.ts';
import type { EngineContext } from '../context.ts';
import type { Filters } from '../http/backend.ts';
import type { VolumeBackend } from '../http/volume-handlers.ts';
import { createVolume } from '../volumes/create.ts';
import { pruneVolumes } from '../volumes/prune.ts';
import { removeVolume } from '../volumes/remove.ts';
import type { Volume } from '../volumes/volume-table.ts';
import { isInUse } from '../volumes/volume-users.ts';
import { matchesName } from './container-filters.ts';

/** Volumes in Docker's words. */
export function volumeBackend(context: EngineContext): VolumeBackend {
  let isPruning = false;
  return {
    list: filters => Promise.resolve(selectVolumes(context, filters).map(volume => formatVolume(volume))),
    inspect: name => Promise.resolve(formatVolume(context.volumes.get(name))),
    async create({ Name = '', Driver = '', DriverOpts = {}, Labels = {}, ClusterVolumeSpec }) {
      if (ClusterVolumeSpec !== undefined) throw notInSwarm();
      const { volume } = await createVolume(context, {
        name: Name,
        driver: Driver,
        options: DriverOpts,
        labels: Labels,
        scope: 'state',
        pending: false,
      });
      return formatVolume(volume);
    },
    remove: (name, force) => removeVolume(context, name, force),
    async prune(filters) {
      if (isPruning) throw conflict('a prune operation is already running');
      const [value = 'false'] = filters.get('all') ?? [];
      if (!/^(1|t|true|0|f|false)$/i.test(value)) {
        throw invalidParameter(
          `invalid filter 'all': strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
        );
      }
      const all = /^(1|t|true)$/i.test(value);
      isPruning = true;
      try {
        return await pruneVolumes(
          context,
          ({ record }) => (all || record.anonymous) && hasLabels(record.labels, filters),
        );
      } finally {
        isPruning = false;
      }
    },
  };
}

/** A volume as GET /volumes/{name} answers it. @param usage only in answers about disk usage */
export function formatVolume({ record, data }: Volume, usage?: VolumeBody['UsageData']): VolumeBody {
  return {
    CreatedAt: new Date(record.createdAtMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    Driver: 'local',
    Labels: nullIfEmpty(record.labels),
    Mountpoint: data,
    Name: record.name,
    Options: nullIfEmpty(record.options),
    Scope: 'local',
    ...(usage === undefined ? {} : { UsageData: usage }),
  };
}

/** Volumes that pass Docker's filters. Throws ENGINE_INVALID_PARAMETER. */
export function selectVolumes(context: EngineContext, filters: Filters): Volume[] {
  const dangling = filters.has('dangling') ? isOn(filters, 'dangling') : undefined;
  const names = filters.get('name') ?? [];
  const drivers = filters.get('driver');
  return context.volumes
    .all()
    .filter(
      ({ record }) =>
        (names.length === 0 || names.some(pattern => matchesName(record.name, pattern))) &&
        (drivers === undefined || drivers.includes('local')) &&
        hasLabels(record.labels, filters) &&
        (dangling === undefined || isInUse(context, record.name) !== dangling),
    );
}

function isOn(filters: Filters, key: string): boolean {
  const [value = 'false', ...more] = filters.get(key) ?? [];
  if (more.length === 0 && ['1', 'true'].includes(value)) return true;
  if (more.length === 0 && ['0', 'false'].includes(value)) return false;
  throw invalidParameter(`invalid filter '${key}=[${[value, ...more].join(' ')}]'`);
}

/** Every `label`, and none of `label!`; each a key, or a key and its value. */
function hasLabels(labels: Readonly<Record<string, string>>, filters: Filters): boolean {
  const has = (wanted: string): boolean => {
    const [key = '', value] = wanted.split(/=(.*)/s);
    return Object.hasOwn(labels, key) && (value === undefined || labels[key] === value);
  };
  return (filters.get('label') ?? []).every(has) && !(filters.get('label!') ?? []).some(has);
}

function nullIfEmpty(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> | null {
  return Object.keys(texts).length === 0 ? null : texts;
}
