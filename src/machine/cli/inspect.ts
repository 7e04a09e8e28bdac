import { ToolError } from '../../shared/errors.ts';
import type { DockerHttpClient } from '../engine-client/http.ts';

/** `system-docker inspect`: what was found as JSON text, and a line for each name that was not. */
export async function inspect(
  client: DockerHttpClient,
  names: readonly string[],
): Promise<{ readonly text: string; readonly missing: readonly string[] }> {
  const found: unknown[] = [];
  const missing: string[] = [];
  for (const name of names) {
    try {
      found.push(await client.request('GET', `/containers/${encodeURIComponent(name)}/json`));
    } catch (error) {
      if (!(error instanceof ToolError && error.kind === 'not-found')) throw error;
      missing.push(`Error: No such object: ${name}`);
    }
  }
  return { text: `${JSON.stringify(found, null, 4)}\n`, missing };
}
