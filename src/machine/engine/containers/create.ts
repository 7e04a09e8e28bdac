import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { hostArch } from '../../../shared/arch.ts';
import { ToolError } from '../../../shared/errors.ts';
import type { ContainerCreateRequest, HostConfig } from '../../engine-api/wire.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { invalidName, noBindSource } from '../docker-errors.ts';
import { holdImage } from '../images/forgotten.ts';
import { checkNetworkConflicts } from '../networks/modes.ts';
import { planMounts } from '../runtime/oci-mounts.ts';
import { sharedMountsOf } from '../volumes/container-mounts.ts';
import { type MadeVolumes, makeVolumes } from '../volumes/make.ts';
import { planVolumes } from '../volumes/plan.ts';
import { readLimitSupport, vainLimits } from './check-resources.ts';
import { checkRequest } from './check-request.ts';
import { completeRequest } from './complete-request.ts';
import { randomName } from './random-name.ts';
import { runtimeNames } from './runtime-of.ts';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** What became of a create request. */
export interface Created {
  readonly id: string;
  /** What was asked for and is not done, in Docker's sentences. */
  readonly warnings: readonly string[];
}

/**
 * Makes a container without starting it. An empty name becomes one of the engine's choice.
 * Throws CONTAINER_NAME_INVALID, CONTAINER_NAME_CONFLICT, IMAGE_NOT_FOUND, and what is wrong in the request.
 */
export async function createContainer(
  context: EngineContext,
  name: string,
  asked: ContainerCreateRequest,
): Promise<Created> {
  const id = randomBytes(32).toString('hex');
  const ownName = parseName(name) ?? randomName(context.table.hasName);
  const { config } = context;
  // A pull must not put another image under a service.
  const image =
    asked.Slipway === undefined
      ? context.images.resolve(asked.Image)
      : context.images.resolveBuiltIn(asked.Image);
  // A service is what the image says of it; what is set on the machine comes too late for some of them.
  const settings = asked.Slipway === undefined ? context.settings.current : (config.settings ?? {});
  if (asked.Slipway === undefined) checkNetworkConflicts(asked);
  const request = completeRequest(asked, image.run, settings, nameOrId => idOrName(context, nameOrId));
  await using _held = holdImage(context, image.id);
  const warnings = checkRequest(request, image.run, {
    ...readLimitSupport(config.cgroups?.limits === true),
    runtimes: runtimeNames(context),
    init: config.programs.init !== undefined,
    arch: hostArch(process.arch) ?? process.arch,
  });
  if (asked.Slipway === undefined) checkBindSources(asked.HostConfig ?? {});
  planMounts(request.HostConfig ?? {}, request.Slipway, { hostIpc: false, hostPid: false, hasCgroup: false });
  const wanted = planVolumes(request, image.run.Volumes ?? [], other => sharedMountsOf(context, other));
  context.table.reserve(ownName, id);
  let volumes: MadeVolumes | undefined;
  try {
    context.step('create: volumes');
    volumes = await makeVolumes(context, image, wanted, request.Slipway?.scope ?? 'state');
    await context.table.add({
      schema: 1,
      id,
      name: ownName,
      createdAtMs: context.clock(),
      scope: request.Slipway?.scope ?? 'state',
      bootId: context.bootId,
      imageId: image.id,
      request,
      mounts: volumes.mounts,
      state: { status: 'created', exitCode: 0 },
      restartCount: 0,
      streak: 0,
      stopRequested: false,
      starting: false,
    });
  } catch (error) {
    context.table.release(ownName);
    await volumes?.undo();
    throw error;
  }
  context.step('create: settle volumes');
  await volumes.settle();
  context.step('create: answer');
  publish(context, 'create', summaryOf(context, id));
  // What the record does not even keep.
  const { MemorySwappiness = -1, OomKillDisable = false } = asked.HostConfig ?? {};
  return { id, warnings: [...vainLimits({ MemorySwappiness, OomKillDisable }), ...warnings] };
}

/** What a mount of the long form binds must be there. Throws ENGINE_INVALID_PARAMETER. */
function checkBindSources({ Mounts = [] }: HostConfig): void {
  for (const { Type, Source = '', BindOptions } of Mounts) {
    if (Type !== 'bind' || !isAbsolute(Source) || BindOptions?.CreateMountpoint === true) continue;
    if (!existsSync(Source)) throw noBindSource(Source);
  }
}

/**
 * The id of a container that another one joins. One that is not there is refused at the start only: clients take a
 * "not found" here for the image and pull it.
 */
function idOrName(context: EngineContext, nameOrId: string): string {
  try {
    return context.table.resolve(nameOrId).id;
  } catch (error) {
    if (error instanceof ToolError && error.kind === 'not-found') return nameOrId;
    throw error;
  }
}

/** The name as it is kept, without a slash; undefined for none. Throws CONTAINER_NAME_INVALID. */
export function parseName(name: string): string | undefined {
  if (name === '') return undefined;
  const own = name.startsWith('/') ? name.slice(1) : name;
  if (!NAME.test(own)) throw invalidName(name);
  return own;
}
