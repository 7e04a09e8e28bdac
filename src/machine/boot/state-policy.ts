import { type KernelCmdline, kernelStrings, kernelValue } from '../../shared/kernel-cmdline.ts';
import type { MachineImage } from '../../shared/machine-image.ts';
import type { StatePolicy, WantedState } from './choose-state.ts';

/** The state policy of the image, changed by the kernel line, whose words count more. */
export function resolveStatePolicy(
  image: Pick<MachineImage, 'trust' | 'state'>,
  line: KernelCmdline,
): StatePolicy {
  const where = kernelValue(line, 'state');
  const format = kernelValue(line, 'stateFormat');
  const disks = kernelStrings(line, 'stateFormat').filter(text => text.startsWith('/dev/'));
  const wanted =
    typeof where !== 'string' || where === '' || where === 'none' ? undefined : parseWanted(where);
  return {
    trust: where === 'none' ? 'none' : image.trust.state,
    ...(wanted === undefined ? {} : { wanted }),
    format: disks.length > 0 ? disks : format === undefined ? image.state.format : format === true,
  };
}

/** Longest label of ext4, in bytes. */
const MAX_LABEL = 16;

/** A device as people name one: `/dev/vda1`, `LABEL=x` or `x`, `UUID=x`, and udev's links for the two. */
function parseWanted(text: string): WantedState {
  const label = /^(?:LABEL=|\/dev\/disk\/by-label\/)?([^/=]+)$/.exec(text)?.[1];
  if (label !== undefined) return label.length <= MAX_LABEL ? { label } : { unknown: text };
  const uuid = /^(?:UUID=|\/dev\/disk\/by-uuid\/)([0-9a-fA-F-]{36})$/.exec(text)?.[1];
  if (uuid !== undefined) return { uuid: uuid.toLowerCase() };
  return /^\/dev\/[a-z0-9]+$/.test(text) ? { device: text } : { unknown: text };
}

/** Seconds to wait for a state disk that is not there yet: `slipway.state.wait=10`; a bare word means 30. */
export function stateWaitSeconds(line: KernelCmdline): number {
  const value = kernelValue(line, 'stateWait');
  if (typeof value === 'number' && value >= 0) return Math.min(value, 600);
  return value === true ? 30 : 0;
}
