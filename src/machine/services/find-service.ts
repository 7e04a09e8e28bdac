import { ToolError } from '../../shared/errors.ts';
import type { ServiceDefinition } from '../../shared/service/definition.ts';

/** The service that a person named. Throws SERVICE_NOT_FOUND. */
export function findService(definitions: readonly ServiceDefinition[], name: string): ServiceDefinition {
  const definition = definitions.find(service => service.name === name);
  if (definition !== undefined) return definition;
  throw new ToolError(`there is no service ${JSON.stringify(name)}`, {
    code: 'SERVICE_NOT_FOUND',
    kind: 'not-found',
    hint: 'run "ros service list" for the names',
  });
}

/** A service that can't be started or stopped now. */
export function notControlled(name: string, reason: string): ToolError {
  return new ToolError(`service ${name} can't be started or stopped: ${reason}`, {
    code: 'SERVICE_NOT_CONTROLLED',
    kind: 'conflict',
  });
}
