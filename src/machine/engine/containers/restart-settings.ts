import type { ContainerCreateRequest } from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';
import { DEFAULT_DELAY_MS, DEFAULT_MAX_DELAY_MS } from '../supervise/restart-policy.ts';

/** A request's restart policy with its defaults filled in. */
export interface RestartSettings {
  readonly policy: 'no' | 'on-failure' | 'always' | 'unless-stopped';
  readonly maxRetries: number;
  /** See RestartInput. */
  readonly asDocker: boolean;
  readonly delayMs: number;
  readonly maxDelayMs: number;
}

/** Reads the restart policy. Throws ENGINE_INVALID_PARAMETER with Docker's sentence. */
export function restartSettings(request: ContainerCreateRequest): RestartSettings {
  const asked = request.HostConfig?.RestartPolicy;
  const name = asked?.Name === undefined || asked.Name === '' ? 'no' : asked.Name;
  if (name !== 'no' && name !== 'on-failure' && name !== 'always' && name !== 'unless-stopped') {
    throw invalidParameter(
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  const retries = asked?.MaximumRetryCount ?? 0;
  // A service may give up whatever its policy; for Docker's clients that goes with one policy only.
  if (request.Slipway === undefined && asked?.Name !== undefined && asked.Name !== '') {
    checkRetries(name, retries);
  }
  const delayMs = request.Slipway?.restartDelayMs ?? DEFAULT_DELAY_MS;
  return {
    policy: name,
    maxRetries: retries,
    asDocker: request.Slipway === undefined,
    delayMs,
    maxDelayMs: Math.max(delayMs, request.Slipway?.restartMaxDelayMs ?? DEFAULT_MAX_DELAY_MS),
  };
}

function checkRetries(policy: RestartSettings['policy'], retries: number): void {
  if (policy !== 'on-failure' && retries !== 0) {
    throw invalidParameter(
      `invalid restart policy: maximum retry count can only be used with 'on-failure'${retries < 0 ? ' and cannot be negative' : ''}`,
    );
  }
  if (retries < 0) throw invalidParameter('invalid restart policy: maximum retry count cannot be negative');
}
