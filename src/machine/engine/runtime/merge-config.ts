import type { ImageHealthcheck, ImageRunConfig } from '../../../shared/oci/image.ts';
import type { ContainerCreateRequest, HealthConfig } from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';
import { nonEmpty } from '../non-empty.ts';

/** What a container runs with: the request over the image's own configuration. */
export interface MergedConfig {
  readonly user: string;
  /** `NAME=value`, or `NAME` alone to take a variable away. */
  readonly env: readonly string[];
  readonly entrypoint: readonly string[] | undefined;
  readonly cmd: readonly string[] | undefined;
  readonly workingDir: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly exposedPorts: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck: HealthConfig | undefined;
  readonly stopSignal: string | undefined;
  readonly shell: readonly string[] | undefined;
  readonly onBuild: readonly string[] | undefined;
}

/** Puts a request over an image as Docker does. */
export function mergeConfig(request: ContainerCreateRequest, image: ImageRunConfig): MergedConfig {
  const env = [...(request.Env ?? []), ...(request.Slipway?.extraEnv ?? [])];
  const named = new Set(env.map(nameOf));
  const inherited = request.Slipway?.replaceEnv === true ? [] : (image.Env ?? []);
  return {
    user: nonEmpty(request.User) ?? image.User ?? '',
    env: [...env, ...inherited.filter(word => !named.has(nameOf(word)))],
    ...commandOf(request, image),
    workingDir: nonEmpty(request.WorkingDir) ?? image.WorkingDir ?? '',
    labels: { ...image.Labels, ...request.Labels },
    exposedPorts: union(image.ExposedPorts, request.ExposedPorts),
    volumes: union(image.Volumes, request.Volumes),
    healthcheck: mergeHealthcheck(request.Healthcheck, image.Healthcheck),
    stopSignal: nonEmpty(request.StopSignal) ?? nonEmpty(image.StopSignal),
    shell: request.Shell ?? image.Shell,
    onBuild: request.OnBuild ?? image.OnBuild,
  };
}

/** argv of the container's process. Throws ENGINE_INVALID_PARAMETER when there is none. */
export function argumentsOf(request: ContainerCreateRequest, image: ImageRunConfig): string[] {
  const { entrypoint, cmd } = commandOf(request, image);
  const args = [...(entrypoint ?? []), ...(cmd ?? [])];
  if (args.length === 0 || args[0] === '') throw invalidParameter('no command specified');
  return args;
}

/**
 * Entrypoint and command as Docker combines them: a request's entrypoint drops the image's command, an
 * entrypoint that is one empty word drops the image's entrypoint.
 */
function commandOf(
  request: ContainerCreateRequest,
  image: ImageRunConfig,
): Pick<MergedConfig, 'entrypoint' | 'cmd'> {
  const hasCmd = request.Cmd !== undefined && request.Cmd.length > 0;
  if (request.Entrypoint !== undefined && request.Entrypoint.length > 0) {
    const isReset = request.Entrypoint.length === 1 && request.Entrypoint[0] === '';
    return { entrypoint: isReset ? undefined : request.Entrypoint, cmd: request.Cmd };
  }
  return {
    entrypoint: request.Entrypoint ?? image.Entrypoint,
    cmd: hasCmd ? request.Cmd : image.Cmd,
  };
}

function mergeHealthcheck(
  own: HealthConfig | undefined,
  image: ImageHealthcheck | undefined,
): HealthConfig | undefined {
  if (own === undefined || image === undefined) return own ?? image;
  const test = own.Test === undefined || own.Test.length === 0 ? image.Test : own.Test;
  const number = (key: 'Interval' | 'Timeout' | 'StartPeriod' | 'StartInterval' | 'Retries'): number => {
    const asked = own[key] ?? 0;
    return asked === 0 ? (image[key] ?? 0) : asked;
  };
  return {
    ...(test === undefined ? {} : { Test: test }),
    Interval: number('Interval'),
    Timeout: number('Timeout'),
    StartPeriod: number('StartPeriod'),
    StartInterval: number('StartInterval'),
    Retries: number('Retries'),
  };
}

function nameOf(word: string): string {
  return word.split('=', 1)[0] ?? word;
}

function union(a: readonly string[] = [], b: readonly string[] = []): string[] {
  return [...new Set([...a, ...b])];
}
