import { execa } from 'execa';
import type { CredentialHelper } from '../../shared/oci/auth.ts';

const TIMEOUT_MS = 30_000;

/** Runs a Docker credential helper of the user's, as named in their config.json. */
export function credentialHelperRunner(
  environment: Readonly<Record<string, string | undefined>>,
): CredentialHelper {
  return async (program, input) => {
    const { exitCode, stdout } = await execa(program, ['get'], {
      input,
      env: { ...environment },
      extendEnv: false,
      reject: false,
      timeout: TIMEOUT_MS,
    });
    return { exitCode: exitCode ?? 127, stdout };
  };
}
