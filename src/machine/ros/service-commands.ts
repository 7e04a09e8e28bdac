import type { Command } from 'commander';
import { ToolError } from '../../shared/errors.ts';
import type { LogRecord, ServiceDetails, ServiceView } from '../control/wire.ts';
import { askControl, streamControl } from './control-client.ts';
import type { RosContext } from './main.ts';
import { formatDetails, formatServices } from './service-list.ts';

type Verb = 'start' | 'stop' | 'restart';

const VERBS: Readonly<Record<Verb, string>> = {
  start: 'start services, as soon as what they wait for is there; returns when they are up',
  stop: 'stop services; the next boot starts them again',
  restart: 'stop services and start them again',
};

interface LogOptions {
  readonly follow?: boolean;
  readonly lines?: string;
  readonly timestamps?: boolean;
}

/** Adds `ros service …` to the program. */
export function defineServiceCommands(program: Command, context: RosContext): void {
  const { socketPath, out } = context;
  const service = program
    .command('service')
    .alias('s')
    .description('the services of this machine')
    .exitOverride();
  service
    .command('list')
    .alias('ls')
    .description('list services: status, restarts, when each was up, what it waits for')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) => {
      const services = await askControl<ServiceView[]>(socketPath, 'GET', '/services');
      out(options.json === true ? toJson(services) : formatServices(services));
    });
  service
    .command('status <name>')
    .description('show everything about one service')
    .option('--json', 'print JSON')
    .action(async (name: string, options: { json?: boolean }) => {
      const details = await askControl<ServiceDetails>(socketPath, 'GET', pathOf(name));
      out(options.json === true ? toJson(details) : formatDetails(details));
    });
  for (const [verb, description] of Object.entries(VERBS)) {
    service
      .command(`${verb} <names...>`)
      .description(description)
      .action(async (names: readonly string[]) => {
        for (const name of names) await changeService(context, name, verb as Verb);
      });
  }
  service
    .command('logs <name>')
    .description("print a service's log")
    .option('-f, --follow', 'go on with what is written from now on')
    .option('-n, --lines <number>', 'only the last lines')
    .option('-t, --timestamps', 'print when each line was written')
    .action((name: string, options: LogOptions) => printLogs(context, name, options));
}

async function changeService({ socketPath, out }: RosContext, name: string, verb: Verb): Promise<void> {
  // Its own timeout bounds how long a service takes to come up, its grace how long to stop.
  const options = { timeoutMs: 0 };
  const details = await askControl<ServiceDetails>(socketPath, 'POST', `${pathOf(name)}/${verb}`, options);
  if (details.status === 'failed') {
    throw new ToolError(`service ${name} failed: ${details.detail}`, {
      code: 'SERVICE_FAILED',
      kind: 'unavailable',
      hint: `run "ros service logs ${name}"`,
    });
  }
  out(`${name} is ${details.status}\n`);
}

async function printLogs({ socketPath, out, err }: RosContext, name: string, options: LogOptions) {
  const query = new URLSearchParams({
    ...(options.follow === true ? { follow: '1' } : {}),
    ...(options.lines === undefined ? {} : { tail: options.lines }),
  });
  const isWithin = { stdout: false, stderr: false };
  for await (const record of streamControl<LogRecord>(socketPath, `${pathOf(name)}/logs?${String(query)}`)) {
    const { stream, timeMs, text, partial } = record;
    const hasTime = options.timestamps === true && !isWithin[stream];
    const time = hasTime ? `${new Date(timeMs).toISOString()} ` : '';
    (stream === 'stdout' ? out : err)(`${time}${text}${partial === true ? '' : '\n'}`);
    isWithin[stream] = partial === true;
  }
}

function pathOf(name: string): string {
  return `/services/${encodeURIComponent(name)}`;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
