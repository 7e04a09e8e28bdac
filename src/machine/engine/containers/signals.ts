import { constants } from 'node:os';
import type { ImageRunConfig } from '../../../shared/oci/image.ts';
import type { ContainerCreateRequest } from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';
import { nonEmpty } from '../non-empty.ts';

/** Parses `TERM`, `SIGTERM`, `15` or `RTMIN+3`. Throws ENGINE_INVALID_PARAMETER with Docker's sentence. */
export function parseSignal(text: string): number {
  const name = text.toUpperCase().replace(/^SIG/, '');
  if (/^\d{1,2}$/.test(name)) {
    const number = Number(name);
    if (number >= 1 && number <= 64) return number;
  }
  const realTime = /^RTM(IN|AX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime !== null) {
    // glibc keeps 32 and 33 for itself.
    const base = realTime[1] === 'IN' ? 34 : 64;
    const number = base + Number(`${realTime[2] ?? '+'}${realTime[3] ?? '0'}`);
    if (number >= 34 && number <= 64) return number;
  }
  const signals: Readonly<Record<string, number>> = constants.signals;
  const number = signals[`SIG${name}`];
  if (number === undefined && Number(name) > 0) {
    throw invalidParameter(`the linux daemon does not support signal ${name}`);
  }
  if (number === undefined) throw invalidParameter(`invalid signal: ${text}`);
  return number;
}

/** The signal that asks a container to end: the request's, the image's, or SIGTERM. */
export function stopSignalOf(request: ContainerCreateRequest, image: ImageRunConfig | undefined): number {
  return parseSignal(nonEmpty(request.StopSignal) ?? nonEmpty(image?.StopSignal) ?? 'SIGTERM');
}
