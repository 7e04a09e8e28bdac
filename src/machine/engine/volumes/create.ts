import { randomBytes } from 'node:crypto';
import type { EngineContext } from '../context.ts';
import { noSuchVolumeDriver } from '../docker-errors.ts';
import { checkVolumeName, checkVolumeOptions } from './volume-options.ts';
import { publishVolumeEvent } from './volume-events.ts';
import { ANONYMOUS_LABEL } from './volume-record.ts';
import type { Volume } from './volume-table.ts';
import { volumeKey } from './volume-users.ts';

export interface VolumeRequest {
  /** Empty: an anonymous volume, with a name of the engine's choice. */
  readonly name: string;
  /** Empty or `local`. */
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** `boot`: gone with the boot, even where there is state. */
  readonly scope: 'boot' | 'state';
  /**
   * For a container that is being made: held for it, until the caller releases it; gone after a crash, unless the
   * container got as far as its record.
   */
  readonly pending: boolean;
}

/**
 * Makes a volume, or answers the one of this name that is there; `isNew` tells them apart.
 * Throws ENGINE_INVALID_PARAMETER, VOLUME_DRIVER_NOT_FOUND.
 */
export async function createVolume(
  context: EngineContext,
  request: VolumeRequest,
): Promise<{ readonly volume: Volume; readonly isNew: boolean }> {
  const anonymous = request.name === '';
  const name = anonymous ? randomBytes(32).toString('hex') : request.name;
  checkVolumeName(name);
  if (request.driver !== '' && request.driver !== 'local') throw noSuchVolumeDriver(name, request.driver);
  return context.queue.run(volumeKey(name), async () => {
    const known = context.volumes.find(name);
    if (known !== undefined) {
      if (request.pending) context.volumes.hold(name);
      // Now somebody else has been told of it.
      else if (known.record.pending) await context.volumes.update(name, { pending: false });
      return { volume: known, isNew: false };
    }
    checkVolumeOptions(name, request.options);
    if (request.scope === 'state' && !context.volumes.hasState) {
      context.log.warning(
        'a volume is made in memory: there is no state, so it is lost when the machine stops',
        {
          volume: name,
        },
      );
    }
    const volume = await context.volumes.add(
      {
        schema: 1,
        name,
        createdAtMs: context.clock(),
        anonymous,
        labels: anonymous ? { ...request.labels, [ANONYMOUS_LABEL]: '' } : request.labels,
        options: request.options,
        pending: request.pending,
      },
      request.scope,
    );
    if (request.pending) context.volumes.hold(name);
    publishVolumeEvent(context, 'create', name, { driver: 'local' });
    return { volume, isNew: true };
  });
}
