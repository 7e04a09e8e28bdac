import { CommandFailure } from '../failure.ts';
import type { CreateOptions } from './create-flags.ts';

/** The health check of --health-*; undefined leaves it to the image. Throws CommandFailure. */
export function healthcheckOf(options: CreateOptions): object | undefined {
  const { healthCmd, healthInterval, healthTimeout, healthStartPeriod, healthStartInterval, healthRetries } =
    options;
  const given = [
    healthCmd,
    healthInterval,
    healthTimeout,
    healthStartPeriod,
    healthStartInterval,
    healthRetries,
  ];
  const isGiven = given.some(value => value !== undefined);
  if (!options.healthcheck) {
    if (isGiven) throw fault('--no-healthcheck conflicts with --health-* options');
    return { Test: ['NONE'] };
  }
  if (!isGiven) return undefined;
  const negative: readonly (readonly [string, number | undefined])[] = [
    ['interval', healthInterval],
    ['timeout', healthTimeout],
    ['retries', healthRetries],
    ['start-period', healthStartPeriod],
    ['start-interval', healthStartInterval],
  ];
  for (const [name, value] of negative) {
    if ((value ?? 0) < 0) throw fault(`--health-${name} cannot be negative`);
  }
  return {
    ...(healthCmd === undefined || healthCmd === '' ? {} : { Test: ['CMD-SHELL', healthCmd] }),
    ...present('Interval', healthInterval),
    ...present('Timeout', healthTimeout),
    ...present('StartPeriod', healthStartPeriod),
    ...present('StartInterval', healthStartInterval),
    ...present('Retries', healthRetries),
  };
}

function present(name: string, value: number | undefined): object {
  return value === undefined || value === 0 ? {} : { [name]: value };
}

function fault(message: string): CommandFailure {
  return new CommandFailure(125, message);
}
