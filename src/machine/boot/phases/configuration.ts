import { unknownKernelWords } from '../../../shared/kernel-cmdline.ts';
import { messageOf } from '../../../shared/errors.ts';
import { applySysctl } from '../../host/kernel.ts';
import type { BootContext } from '../context.ts';

/** Applies what the image itself says about the kernel. Answers the phase's detail. */
export async function applyConfiguration(context: BootContext): Promise<string> {
  const { image, cmdline, log, say } = context;
  for (const [key, value] of Object.entries(image.sysctl)) {
    try {
      applySysctl(key, value);
    } catch (error) {
      log.warning(messageOf(error));
      await say(`slipway: ${messageOf(error)}`);
    }
  }
  for (const word of unknownKernelWords(cmdline)) {
    await say(`slipway: the word "${word.slice(0, 60)}" on the kernel line means nothing to this version`);
  }
  return `${image.name} ${image.version}, kernel ${image.kernelRelease}`;
}
