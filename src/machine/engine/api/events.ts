import type { EngineEvent } from '../../engine-client/engine-client.ts';
import type { EngineContext } from '../context.ts';
import { invalidParameter } from '../docker-errors.ts';
import type { HistoryRange } from '../event-history.ts';
import type { Filters } from '../http/backend.ts';
import type { ObjectEvent } from '../object-events.ts';

/** One line of GET /events. */
export interface EventMessage {
  /** `status`, `id` and `from`: of containers and images only, as clients of old read them. */
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: 'local';
  readonly time: number;
  readonly timeNano: number;
}

/** Docker's event messages that pass the filters. Throws ENGINE_INVALID_PARAMETER, EVENTS_OVERRUN. */
export function dockerEvents(
  context: EngineContext,
  range: HistoryRange,
  filters: Filters,
  signal: AbortSignal,
): AsyncGenerator<EventMessage> {
  const { sinceNs, untilNs } = range;
  if (sinceNs !== undefined && untilNs !== undefined && sinceNs > untilNs) {
    throw invalidParameter(
      `\`since\` time (${formatSeconds(sinceNs)}) cannot be after \`until\` time (${formatSeconds(untilNs)})`,
    );
  }
  // Listens from here on, not from when the first message is asked for.
  return messages(context.history.read(range, signal), filters);
}

async function* messages(
  source: AsyncIterable<EngineEvent | ObjectEvent>,
  filters: Filters,
): AsyncGenerator<EventMessage> {
  const isWanted = eventFilter(filters);
  for await (const event of source) {
    const message = formatEvent(event);
    if (isWanted(message)) yield message;
  }
}

function formatSeconds(timeNs: bigint): string {
  return `${timeNs / 1_000_000_000n}.${String(timeNs % 1_000_000_000n).padStart(9, '0')}`;
}

/** An event in Docker's shape. */
export function formatEvent(event: EngineEvent | ObjectEvent): EventMessage {
  const time = {
    scope: 'local' as const,
    time: Math.floor(event.timeMs / 1000),
    timeNano: event.timeMs * 1_000_000,
  };
  if ('type' in event) {
    const { type, action, id, attributes } = event;
    const actor = { Type: type, Action: action, Actor: { ID: id, Attributes: attributes }, ...time };
    if (type === 'image') return { status: action, id, ...actor };
    return type === 'container' ? { status: action, ...actor } : actor;
  }
  const { container } = event;
  // Docker's action says more of some: `health_status: healthy`, `exec_start: sh -c true`.
  const { detail, ...attributes } = event.attributes ?? {};
  const action = detail === undefined ? event.action : `${event.action}: ${detail}`;
  return {
    status: action,
    id: container.id,
    from: container.image,
    Type: 'container',
    Action: action,
    Actor: {
      ID: container.id,
      Attributes: { ...container.labels, ...attributes, image: container.image, name: container.name },
    },
    ...time,
  };
}

/** Actions that a filter names without what follows their colon. */
const SHORT_ACTIONS = ['health_status', 'exec_create', 'exec_start'];

/**
 * Whether a message passes Docker's filters: values of one key are alternatives, labels have to be there all. Keys
 * that no message of ours has something to say to (`daemon`, `node`) let nothing through, others are ignored.
 */
export function eventFilter(filters: Filters): (message: EventMessage) => boolean {
  const any = (key: string, test: (value: string) => boolean): boolean => {
    const values = filters.get(key);
    return values === undefined || values.length === 0 || values.some(test);
  };
  const isShort = (filters.get('event') ?? []).some(value => SHORT_ACTIONS.includes(value));
  return ({ Type, Action, scope, Actor: { ID, Attributes } }) => {
    const has = (name: string, value: string | undefined): boolean =>
      Object.hasOwn(Attributes, name) && (value === undefined || Attributes[name] === value);
    // The name of any object does for its kind, also the start of one.
    const isObject = (key: string): boolean =>
      any(key, value => ID.startsWith(value) || (Attributes.name ?? '').startsWith(value));
    const image = (Type === 'image' ? Attributes.name : Attributes.image) ?? '';
    return (
      any('event', value => Action === value || (isShort && Action.startsWith(value))) &&
      any('type', value => Type === value) &&
      any('scope', value => scope === value) &&
      isObject('container') &&
      isObject('volume') &&
      isObject('network') &&
      isObject('plugin') &&
      isObject('daemon') &&
      any('image', value => [ID, image, withoutTag(ID), withoutTag(image)].includes(value)) &&
      isObject('node') &&
      isObject('service') &&
      isObject('secret') &&
      isObject('config') &&
      (filters.get('label') ?? []).every(label => {
        const [key = '', value] = label.split(/=(.*)/s);
        return has(key, value);
      })
    );
  };
}

/** The repository of an image's name. */
function withoutTag(name: string): string {
  return name.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}
