import { createHash } from 'node:crypto';
import type { EngineContext } from '../context.ts';
import { missingProgram } from '../docker-errors.ts';
import type { Netavark } from '../runtime/netavark.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import type { Endpoint, Sandbox } from './endpoint.ts';

/** A container's sandbox, if it is of this boot. */
export function liveSandboxOf(context: EngineContext, record: ContainerRecord): Sandbox | undefined {
  return record.sandbox?.bootId === context.bootId ? record.sandbox : undefined;
}

/** A container that has an address in a network. */
export interface Member {
  readonly record: ContainerRecord;
  readonly endpoint: Endpoint;
}

/** Who is in a network now. @param except id of a container that does not count */
export function membersOf(context: EngineContext, networkId: string, except?: string): Member[] {
  return context.table
    .all()
    .flatMap(record =>
      record.id === except
        ? []
        : (liveSandboxOf(context, record)?.endpoints ?? [])
            .filter(endpoint => endpoint.networkId === networkId)
            .map(endpoint => ({ record, endpoint })),
    );
}

/** netavark with what it needs. Throws ENGINE_PROGRAM_MISSING. @param doing what it is needed for */
export function netavarkOf(context: EngineContext, doing: string): Netavark {
  const { netavark, aardvarkDns, nft } = context.config.programs;
  if (netavark === undefined) throw missingProgram('netavark', doing);
  if (aardvarkDns === undefined) throw missingProgram('aardvark-dns', doing);
  if (nft === undefined) throw missingProgram('nft', doing);
  const { netavark: folder, namesAlive: alive } = context.paths;
  return { program: netavark, aardvarkDns, nft, folder, alive };
}

/** Whether this machine has what bridge networks need. */
export function hasBridges(context: EngineContext): boolean {
  const { netavark, aardvarkDns, nft } = context.config.programs;
  return netavark !== undefined && aardvarkDns !== undefined && nft !== undefined;
}

/** Docker's id of a container's place in a network. */
export function endpointIdOf(containerId: string, networkId: string): string {
  return createHash('sha256').update(`${containerId} ${networkId}`).digest('hex');
}

/** Tells subscribers that a container came into a network or left it, in Docker's words. */
export function publishNetworkEvent(
  context: EngineContext,
  action: 'create' | 'destroy' | 'connect' | 'disconnect',
  network: { readonly id: string; readonly name: string; readonly driver?: string },
  container?: string,
): void {
  context.history.publish({
    type: 'network',
    action,
    id: network.id,
    attributes: {
      name: network.name,
      type: network.driver ?? 'bridge',
      ...(container === undefined ? {} : { container }),
    },
    timeMs: context.clock(),
  });
}
