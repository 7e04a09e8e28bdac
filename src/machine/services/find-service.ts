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

/**
 * The service that a person wants to start or stop. Throws SERVICE_NOT_FOUND, SERVICE_NOT_CONTROLLED.
 *
 * @param stage how far the machine is
 */
export function findControlled(
  definitions: readonly ServiceDefinition[],
  name: string,
  stage: 'booting' | 'running' | 'ending',
): ServiceDefinition {
  const definition = findService(definitions, name);
  if (definition.section === 'onshutdown') throw notControlled(name, 'it runs when the machine goes down');
  if (stage === 'ending') throw notControlled(name, 'the machine is going down');
  if (stage === 'booting') throw notControlled(name, 'the boot has not come to the services yet');
  return definition;
}

function notControlled(name: string, reason: string): ToolError {
  return new ToolError(`service ${name} can't be started or stopped: ${reason}`, {
    code: 'SERVICE_NOT_CONTROLLED',
    kind: 'conflict',
  });
}
