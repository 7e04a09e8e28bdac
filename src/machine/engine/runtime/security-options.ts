import { invalidParameter } from '../docker-errors.ts';
import type { OciSeccomp } from './oci-types.ts';
import { parseSeccompProfile, type SeccompCircumstances } from './seccomp-custom.ts';
import { defaultSeccomp } from './seccomp-profile.ts';

/** What HostConfig.SecurityOpt asks for. */
export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** Nothing below /proc and /sys is hidden or read-only. */
  readonly unmasked: boolean;
  /** `default`, `unconfined`, or the text of a profile. */
  readonly seccomp: string;
}

/** Reads the options. Throws ENGINE_INVALID_PARAMETER with Docker's sentences. */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  let noNewPrivileges = false;
  let unmasked = false;
  let seccomp = 'default';
  for (const option of options) {
    if (option === 'no-new-privileges') {
      noNewPrivileges = true;
      continue;
    }
    // The colon is Docker's older spelling.
    const at = option.includes('=') ? option.indexOf('=') : option.indexOf(':');
    if (at < 0) throw invalidParameter(`invalid --security-opt 1: ${JSON.stringify(option)}`);
    const name = option.slice(0, at);
    const value = option.slice(at + 1);
    switch (name) {
      case 'no-new-privileges':
        noNewPrivileges = parseBoolean(value, option);
        break;
      case 'seccomp':
        seccomp = value === 'builtin' || value === '' ? 'default' : value;
        break;
      case 'systempaths':
        unmasked = value === 'unconfined';
        break;
      // This kernel's other security modules are not used; what they could be asked for stays without effect.
      case 'apparmor':
      case 'label':
        break;
      default:
        throw invalidParameter(`invalid --security-opt 2: ${JSON.stringify(option)}`);
    }
  }
  return { noNewPrivileges, unmasked, seccomp };
}

/** The filter of system calls; undefined for none. Throws ENGINE_INVALID_PARAMETER for a malformed profile. */
export function planSeccomp(
  options: SecurityOptions,
  privileged: boolean,
  here: SeccompCircumstances,
): OciSeccomp | undefined {
  if (options.seccomp === 'unconfined') return undefined;
  if (options.seccomp !== 'default') return parseSeccompProfile(options.seccomp, here);
  return privileged ? undefined : defaultSeccomp(here.capabilities, here.arch);
}

/** What Go's ParseBool takes. */
function parseBoolean(value: string, option: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw invalidParameter(`invalid --security-opt 2: ${JSON.stringify(option)}`);
}
