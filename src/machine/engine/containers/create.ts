import { randomBytes } from 'node:crypto';
import type { ContainerCreateRequest } from '../../engine-api/wire.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { invalidName } from '../docker-errors.ts';
import { planCapabilities } from '../runtime/oci-capabilities.ts';
import { planMounts } from '../runtime/oci-mounts.ts';
import { argumentsOf } from '../runtime/oci-spec.ts';
import { planResources } from '../runtime/oci-resources.ts';
import { restartSettings } from './restart-settings.ts';
import { stopSignalOf } from './signals.ts';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/**
 * Makes a container without starting it; returns its id. An empty name becomes the short id.
 * Throws CONTAINER_NAME_INVALID, CONTAINER_NAME_CONFLICT, IMAGE_NOT_FOUND, and what is wrong in the request.
 */
export async function createContainer(
  context: EngineContext,
  name: string,
  request: ContainerCreateRequest,
): Promise<string> {
  const id = randomBytes(32).toString('hex');
  const ownName = name === '' ? id.slice(0, 12) : name.startsWith('/') ? name.slice(1) : name;
  if (!NAME.test(ownName)) throw invalidName(name);
  const image = context.images.resolve(request.Image);
  checkRequest(request, image.run);
  context.table.reserve(ownName, id);
  try {
    await context.table.add({
      schema: 1,
      id,
      name: ownName,
      createdAtMs: context.clock(),
      scope: request.Slipway?.scope ?? 'state',
      bootId: context.bootId,
      imageId: image.id,
      request,
      state: { status: 'created', exitCode: 0 },
      restartCount: 0,
      streak: 0,
      stopRequested: false,
      starting: false,
    });
  } catch (error) {
    context.table.release(ownName);
    throw error;
  }
  publish(context, 'create', summaryOf(context, id));
  return id;
}

/** Refuses now what would otherwise fail at the start: the parts of config.json that need no machine. */
function checkRequest(
  request: ContainerCreateRequest,
  image: Parameters<typeof stopSignalOf>[1] & object,
): void {
  const host = request.HostConfig ?? {};
  argumentsOf(request, image);
  restartSettings(request);
  stopSignalOf(request, image);
  planCapabilities(host, request.Slipway, 0);
  planMounts(host, request.Slipway, { hostIpc: false, hostPid: false, hasCgroup: false });
  planResources(host, request.Slipway, []);
}
