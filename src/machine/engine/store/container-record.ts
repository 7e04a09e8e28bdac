import { ToolError } from '../../../shared/errors.ts';
import type { ContainerCreateRequest } from '../../engine-api/wire.ts';
import type { EndpointWish, Sandbox } from '../networks/endpoint.ts';
import type { ProcessIdentity } from '../../host/processes.ts';

/** How a container's last life ended. */
export interface FinishedLife {
  readonly exitCode: number;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly oomKilled: boolean;
  /** Why it could not be started, or why it was killed by the engine. */
  readonly error?: string;
}

/** A container's first process and the conmon that holds it. */
export interface RunningLife {
  readonly startedAtMs: number;
  /** End of the life before; absent in the first one. */
  readonly lastFinishedAtMs?: number;
  /** The kernel has killed one of its processes for lack of memory. */
  readonly oomKilled?: boolean;
  readonly process: ProcessIdentity;
  readonly monitor: ProcessIdentity;
}

/** The one state of a container; Docker's booleans are made from it at the API. */
export type ContainerState =
  | { readonly status: 'created'; readonly exitCode: number; readonly error?: string }
  | ({ readonly status: 'running' } & RunningLife)
  | ({ readonly status: 'paused' } & RunningLife)
  | ({ readonly status: 'restarting'; readonly retryAtMs: number } & FinishedLife)
  | ({ readonly status: 'exited' } & FinishedLife);

/** The state of a container that has processes. */
export type LiveState = Extract<ContainerState, RunningLife>;

/**
 * What a container has mounted besides the paths of the host that its request names, as settled when it
 * was made: volumes, and binds taken over from another container.
 */
export type ContainerMount =
  | {
      readonly kind: 'volume';
      readonly name: string;
      readonly destination: string;
      readonly readOnly: boolean;
      /** As it stood in the request, for inspect. */
      readonly mode: string;
      /** A folder of the volume, relative to it; absent: the whole. */
      readonly subpath?: string;
    }
  | {
      readonly kind: 'bind';
      readonly source: string;
      readonly destination: string;
      readonly options: readonly string[];
      readonly mode: string;
    };

/** Everything that is kept of a container: record.json in its folder. */
export interface ContainerRecord {
  readonly schema: 1;
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly scope: 'boot' | 'state';
  /** Boot in which it was last written; in another one nothing of it runs. */
  readonly bootId: string;
  readonly imageId: string;
  readonly request: ContainerCreateRequest;
  /** Absent in records of earlier versions. */
  readonly mounts?: readonly ContainerMount[];
  /** Its networks, once they differ from what its request says. */
  readonly endpoints?: readonly EndpointWish[];
  /** Its place in them, from before it starts until all of it has been taken away. */
  readonly sandbox?: Sandbox | undefined;
  readonly state: ContainerState;
  /** Restarts by policy since it was last started by hand or by a boot. */
  readonly restartCount: number;
  /** Restarts by policy since it last ran long enough. */
  readonly streak: number;
  /** Stopped on request: the policy starts it no more. */
  readonly stopRequested: boolean;
  /** A start was begun and neither finished nor undone. */
  readonly starting: boolean;
  /** Its processes are frozen while an image is made of it. */
  readonly heldStill?: boolean;
}

/** True of a container that has processes, frozen or not. */
export function isLive(state: ContainerState): state is LiveState {
  return state.status === 'running' || state.status === 'paused';
}

/** True when nothing will happen to it by itself. */
export function isAtRest({ starting, state }: ContainerRecord): boolean {
  return !starting && (state.status === 'created' || state.status === 'exited');
}

/** What is known of the last life of a container that has ended. */
export function lastLifeOf(state: Extract<ContainerState, { readonly finishedAtMs: number }>): FinishedLife {
  const { exitCode, startedAtMs, finishedAtMs, oomKilled, error } = state;
  return {
    ...{ exitCode, startedAtMs, finishedAtMs, oomKilled },
    ...(error === undefined ? {} : { error }),
  };
}

/** Reads a record that this or an earlier version wrote. Throws RECORD_MALFORMED (kind integrity). */
export function parseContainerRecord(value: unknown, file: string): ContainerRecord {
  const record = value as Partial<ContainerRecord> | null;
  const isWhole =
    isObject(record) &&
    record.schema === 1 &&
    typeof record.id === 'string' &&
    /^[0-9a-f]{64}$/.test(record.id) &&
    ['name', 'bootId', 'imageId'].every(key => typeof record[key as 'name'] === 'string') &&
    ['createdAtMs', 'restartCount', 'streak'].every(key => Number.isFinite(record[key as 'streak'])) &&
    (record.scope === 'boot' || record.scope === 'state') &&
    isRequest(record.request) &&
    isList(record.mounts) &&
    isList(record.endpoints) &&
    (record.sandbox === undefined || (isObject(record.sandbox) && isList(record.sandbox.endpoints))) &&
    isState(record.state);
  if (!isWhole) {
    throw new ToolError(`reading ${file}: not a container record of schema 1`, {
      code: 'RECORD_MALFORMED',
      kind: 'integrity',
    });
  }
  return record as ContainerRecord;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Nothing, or a list of objects. */
function isList(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every(isObject));
}

/** What is in it was checked when the container was made. */
function isRequest(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { Image, HostConfig, Labels } = value as Partial<Record<string, unknown>>;
  return (
    typeof Image === 'string' && [HostConfig, Labels].every(part => part === undefined || isObject(part))
  );
}

function isState(value: unknown): boolean {
  if (!isObject(value)) return false;
  const state = value as Partial<Record<string, unknown>>;
  const numbers = (...keys: readonly string[]): boolean => keys.every(key => Number.isFinite(state[key]));
  switch (state.status) {
    case 'created':
      return numbers('exitCode');
    case 'running':
    case 'paused':
      return (
        numbers('startedAtMs', ...('lastFinishedAtMs' in state ? ['lastFinishedAtMs'] : [])) &&
        isIdentity(state.process) &&
        isIdentity(state.monitor)
      );
    case 'restarting':
      return numbers('exitCode', 'startedAtMs', 'finishedAtMs', 'retryAtMs');
    case 'exited':
      return numbers('exitCode', 'startedAtMs', 'finishedAtMs');
    default:
      return false;
  }
}

function isIdentity(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { pid, startTime, bootId } = value as Partial<ProcessIdentity>;
  return Number.isSafeInteger(pid) && typeof startTime === 'string' && typeof bootId === 'string';
}
