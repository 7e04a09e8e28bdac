import { readFileSync } from 'node:fs';
import { ToolError, messageOf } from '../../shared/errors.ts';
import type { MachineImage } from '../../shared/machine-image.ts';

/**
 * Reads machine.json. The build wrote it and dm-verity guards it, so only its outline is checked: one that does not fit
 * is from another version. Throws MACHINE_IMAGE_MALFORMED.
 */
export function loadMachineImage(file: string): MachineImage {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw malformed(file, messageOf(cause), cause);
  }
  if (
    typeof value !== 'object' ||
    value === null ||
    !('services' in value) ||
    !Array.isArray(value.services)
  ) {
    throw malformed(file, 'it does not describe a machine');
  }
  return value as MachineImage;
}

function malformed(file: string, why: string, cause?: unknown): ToolError {
  return new ToolError(`reading ${file}: ${why}`, {
    code: 'MACHINE_IMAGE_MALFORMED',
    kind: 'integrity',
    hint: 'build the image again',
    ...(cause === undefined ? {} : { cause }),
  });
}
