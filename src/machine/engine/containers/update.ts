import { ToolError, messageOf } from '../../../shared/errors.ts';
import type { ContainerUpdateRequest, HostConfig, RestartPolicy } from '../../engine-api/wire.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { invalidParameter } from '../docker-errors.ts';
import { planBlockIo } from '../runtime/oci-block-io.ts';
import { planResources } from '../runtime/oci-resources.ts';
import type { OciResources } from '../runtime/oci-types.ts';
import { updateInRuntime } from '../runtime/crun.ts';
import { type ContainerRecord, isLive } from '../store/container-record.ts';
import { checkResources, readLimitSupport } from './check-resources.ts';
import { restartSettings } from './restart-settings.ts';
import { runtimeOf } from './runtime-of.ts';

/**
 * Changes the limits and the restart policy of a container, at once where it runs. Returns warnings.
 * Throws ENGINE_INVALID_PARAMETER, CONTAINER_UPDATE_FAILED.
 */
export async function updateContainer(
  context: EngineContext,
  nameOrId: string,
  change: ContainerUpdateRequest,
): Promise<readonly string[]> {
  const { id } = context.table.resolve(nameOrId);
  return context.queue.run(id, async () => {
    const record = context.table.get(id);
    const old = record.request.HostConfig ?? {};
    const host = mergeHost(old, change);
    const limits = context.config.cgroups?.limits === true;
    const warnings = checkResources({ ...host, Ulimits: [] }, readLimitSupport(limits));
    const request = { ...record.request, HostConfig: host };
    restartSettings(request);
    // Before the record: what the kernel refuses must not be kept.
    if (limits && isLive(record.state)) {
      await apply(context, record, host);
    }
    await context.table.update(id, { request });
    publish(context, 'update', summaryOf(context, id));
    return warnings;
  });
}

/** What the limits and the policy are after a change; what it says nothing about, or 0, stays. */
export function mergeHost(old: HostConfig, change: ContainerUpdateRequest): HostConfig {
  const { RestartPolicy: policy, ...resources } = change;
  const memory = resources.Memory ?? 0;
  const swap = resources.MemorySwap ?? 0;
  const oldSwap = old.MemorySwap ?? 0;
  if (memory > 0 && swap === 0 && oldSwap > 0 && memory > oldSwap) {
    throw invalidParameter(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
  }
  const conflicts: readonly [unknown, unknown, string, string][] = [
    [resources.NanoCpus, old.CpuPeriod, 'Nano CPUs', 'CPU Period'],
    [resources.NanoCpus, old.CpuQuota, 'Nano CPUs', 'CPU Quota'],
    [resources.CpuPeriod, old.NanoCpus, 'CPU Period', 'NanoCPUs'],
    [resources.CpuQuota, old.NanoCpus, 'CPU Quota', 'NanoCPUs'],
  ];
  for (const [now, before, name, other] of conflicts) {
    if (Number(now ?? 0) > 0 && Number(before ?? 0) > 0) {
      throw invalidParameter(
        `Conflicting options: ${name} cannot be updated as ${other} has already been set`,
      );
    }
  }
  const kept = Object.fromEntries(
    Object.entries(resources).filter(([key, value]) => key in UPDATABLE && !isEmpty(value)),
  ) as Partial<HostConfig>;
  const pids = resources.PidsLimit;
  const { PidsLimit: oldPids, ...rest } = { ...old, ...kept };
  const newPids = pids === undefined || pids === 0 ? oldPids : pids;
  return {
    ...rest,
    ...(newPids === undefined || newPids <= 0 ? {} : { PidsLimit: newPids }),
    ...(hasPolicy(policy) ? { RestartPolicy: newPolicy(old, policy) } : {}),
  };
}

/** What `docker update` changes; the rest of the resources is only for create. */
const UPDATABLE: Readonly<Record<string, true>> = {
  CpuShares: true,
  Memory: true,
  NanoCpus: true,
  BlkioWeight: true,
  CpuPeriod: true,
  CpuQuota: true,
  CpuRealtimePeriod: true,
  CpuRealtimeRuntime: true,
  CpusetCpus: true,
  CpusetMems: true,
  MemoryReservation: true,
  MemorySwap: true,
};

function isEmpty(value: unknown): boolean {
  return value === undefined || value === 0 || value === '';
}

function hasPolicy(policy: RestartPolicy | undefined): policy is RestartPolicy {
  return policy?.Name !== undefined && policy.Name !== '';
}

function newPolicy(old: HostConfig, policy: RestartPolicy): RestartPolicy {
  if (old.AutoRemove === true && policy.Name !== 'no') {
    throw invalidParameter(
      'Restart policy cannot be updated because AutoRemove is enabled for the container',
    );
  }
  return { Name: policy.Name ?? 'no', MaximumRetryCount: policy.MaximumRetryCount ?? 0 };
}

/** The runtime leaves device rules alone that are not there. */
function withoutDevices(resources: OciResources): OciResources {
  return Object.fromEntries(Object.entries(resources).filter(([key]) => key !== 'devices'));
}

async function apply(context: EngineContext, record: ContainerRecord, host: HostConfig): Promise<void> {
  const resources = planResources(
    host,
    record.request.Slipway,
    [],
    await planBlockIo({ ...(host.BlkioWeight === undefined ? {} : { BlkioWeight: host.BlkioWeight }) }),
  );
  try {
    await updateInRuntime(
      runtimeOf(context, record),
      record.id,
      // A limit that was taken away has to be said.
      { ...withoutDevices(resources), pids: resources.pids ?? { limit: -1 } },
      context.table.paths(record.id).bundle,
    );
  } catch (cause) {
    throw new ToolError(`Cannot update container ${record.id}: ${messageOf(cause)}`, {
      code: 'CONTAINER_UPDATE_FAILED',
      kind: 'environment',
      cause,
    });
  }
}
