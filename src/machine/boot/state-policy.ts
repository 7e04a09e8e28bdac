import { type KernelCmdline, kernelStrings, kernelValue } from '../../shared/kernel-cmdline.ts';
import type { MachineImage } from '../../shared/machine-image.ts';
import type { StatePolicy } from './choose-state.ts';

/** The state policy of the image, changed by the kernel line, whose words count more. */
export function resolveStatePolicy(
  image: Pick<MachineImage, 'trust' | 'state'>,
  line: KernelCmdline,
): StatePolicy {
  const where = kernelValue(line, 'state');
  const format = kernelValue(line, 'stateFormat');
  const disks = kernelStrings(line, 'stateFormat').filter(text => text.startsWith('/dev/'));
  const wanted =
    typeof where !== 'string' || where === '' || where === 'none'
      ? undefined
      : where.startsWith('/dev/')
        ? { device: where }
        : { label: where.replace(/^LABEL=/, '') };
  return {
    trust: where === 'none' ? 'none' : image.trust.state,
    ...(wanted === undefined ? {} : { wanted }),
    format: disks.length > 0 ? disks : format === undefined ? image.state.format : format === true,
  };
}

/** Seconds to wait for a state disk that is not there yet: `slipway.state.wait=10`; a bare word means 30. */
export function stateWaitSeconds(line: KernelCmdline): number {
  const value = kernelValue(line, 'stateWait');
  if (typeof value === 'number' && value >= 0) return Math.min(value, 600);
  return value === true ? 30 : 0;
}
