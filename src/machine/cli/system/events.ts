import { type Definition, collectFilter, filterQuery } from '../flags.ts';
import { CommandFailure } from '../failure.ts';
import { ToolError } from '../../../shared/errors.ts';
import { applyShape, declareShape } from '../inspect/shape.ts';
import { jsonLines } from '../image/progress.ts';
import { type CompiledTemplate, compileTemplate } from '../template.ts';
import { compareText, formatJson, parseJson } from '../template/values.ts';
import { parseTimestamp } from '../timestamps.ts';

interface EventsOptions {
  readonly filter?: readonly string[];
  readonly format?: string;
  readonly since?: string;
  readonly until?: string;
}

/** What templates may name of an event. */
const MESSAGE = declareShape(
  '*events.Message',
  'Status=status:s? ID=id:s? From=from:s? Type:s Action:s Actor:o Scope=scope:s? Time=time:i? TimeNano=timeNano:i?',
  { Actor: declareShape('events.Actor', 'ID:s Attributes:m') },
);

interface EventMessage {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> | null };
  readonly time?: number;
  readonly timeNano?: number | bigint;
}

/** `events` */
export const defineEvents: Definition = (command, session) => {
  command
    .option('-f, --filter <filter>', 'show those that fit, e.g. type=container', collectFilter)
    .option('--format <string>', 'how to print: json or a template')
    .option('--since <string>', 'show what has happened since that time')
    .option('--until <string>', 'stop at that time')
    .runs<EventsOptions>(session, async (_, options) => {
      const { format = '' } = options;
      const template = format === '' || format === 'json' ? undefined : compile(format);
      const now = session.clock();
      const time = (value: string | undefined): string | undefined =>
        value === undefined || value === '' ? undefined : parseTimestamp(value, now);
      const response = await session.client.stream('GET', '/events', {
        query: {
          since: time(options.since),
          until: time(options.until),
          filters: filterQuery(options.filter),
        },
      });
      for await (const raw of jsonLines(response, parseJson)) {
        if (format === 'json') await session.print(`${formatJson(applyShape(MESSAGE, raw))}\n`);
        else if (template === undefined) await session.print(formatEvent(raw as EventMessage));
        else await session.print(execute(template, raw));
      }
    });
};

function compile(format: string): CompiledTemplate {
  try {
    return compileTemplate(format);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new CommandFailure(64, `Error parsing format: ${error.message}`);
  }
}

function execute(template: CompiledTemplate, raw: unknown): string {
  return `${template.execute(applyShape(MESSAGE, raw))}\n`;
}

function formatEvent({ Type, Action, Actor, time = 0, timeNano = 0 }: EventMessage): string {
  const nanoseconds = BigInt(timeNano);
  const at = nanoseconds === 0n ? BigInt(time) * 1_000_000_000n : nanoseconds;
  const attributes = Object.entries(Actor.Attributes ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort(compareText);
  const suffix = attributes.length === 0 ? '' : ` (${attributes.join(', ')})`;
  return `${formatMoment(at)} ${Type} ${Action} ${Actor.ID}${suffix}\n`;
}

/** RFC 3339 with nine digits, in the zone of this machine. */
function formatMoment(nanoseconds: bigint): string {
  const date = new Date(Number(nanoseconds / 1_000_000n));
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, '0');
  const two = (value: number): string => String(value).padStart(2, '0');
  const zone =
    offset === 0
      ? 'Z'
      : `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  return `${local}.${fraction}${zone}`;
}
