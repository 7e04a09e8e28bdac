import type { ServiceDefinition } from '../../shared/service/definition.ts';
import type { EngineClient, LogLine } from '../engine-client/engine-client.ts';
import type { Log } from '../log.ts';
import type { ServiceRunner } from '../services/apply.ts';
import { findService } from '../services/find-service.ts';
import type { ServiceControl } from './server.ts';
import { serviceDetails, serviceView } from './service-view.ts';
import type { LogRecord, ServiceDetails, ServiceView } from './wire.ts';

export interface ServiceControlOptions {
  readonly definitions: readonly ServiceDefinition[];
  readonly engine: EngineClient;
  readonly runner: Pick<
    ServiceRunner,
    'progress' | 'waiting' | 'startService' | 'stopService' | 'restartService'
  >;
  readonly log: Log;
}

/** The services of the machine, as the control socket shows and controls them. */
export function createServiceControl(options: ServiceControlOptions): ServiceControl {
  const { definitions, engine, runner, log } = options;
  const details = async (name: string): Promise<ServiceDetails> => {
    const definition = findService(definitions, name);
    const container = (await engine.list()).find(found => found.name === name);
    const view = serviceView(definition, runner.progress.get(name), runner.waiting.get(name), container);
    return serviceDetails(view, definition, container);
  };
  return {
    list: async (): Promise<ServiceView[]> => {
      const containers = new Map((await engine.list()).map(container => [container.name, container]));
      const { waiting } = runner;
      return definitions.map(definition => {
        const { name } = definition;
        return serviceView(definition, runner.progress.get(name), waiting.get(name), containers.get(name));
      });
    },
    details,
    async change(name, verb, signal) {
      findService(definitions, name);
      log.info(`asked to ${verb} service ${name}`);
      if (verb === 'stop') await runner.stopService(name);
      else if (verb === 'start') await runner.startService(name, signal);
      else await runner.restartService(name, signal);
      return details(name);
    },
    async *logs(name, { follow, tail, signal }) {
      findService(definitions, name);
      // Without a container there is no log yet; following waits for neither.
      const lines = engine.logs(name, { follow, signal, ...(tail === undefined ? {} : { tail }) });
      for await (const line of lines) yield recordOf(line);
    },
  };
}

function recordOf({ stream, timeMs, text, partial }: LogLine): LogRecord {
  return { stream, timeMs, text, ...(partial ? { partial } : {}) };
}
