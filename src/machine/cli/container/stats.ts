import { setTimeout as pause } from 'node:timers/promises';
import { CommandFailure, describeFault, isNotFound } from '../failure.ts';
import type { Definition } from '../flags.ts';
import { jsonLines } from '../image/progress.ts';
import { writeOut } from '../terminal.ts';
import { type Row, type RowKind, chooseFormat, formatRows } from '../rows.ts';
import type { Session } from '../session.ts';
import { formatBinarySize, formatSize } from '../units.ts';
import { containerPath } from './lifecycle.ts';
import { type StatsBody, figuresOf } from './stats-figures.ts';

const STATS_ROWS: RowKind = {
  type: '*container.statsContext',
  headers: {
    Container: 'CONTAINER',
    Name: 'NAME',
    ID: 'CONTAINER ID',
    CPUPerc: 'CPU %',
    MemUsage: 'MEM USAGE / LIMIT',
    MemPerc: 'MEM %',
    NetIO: 'NET I/O',
    BlockIO: 'BLOCK I/O',
    PIDs: 'PIDS',
  },
  table: '{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}',
};

interface StatsOptions {
  readonly all?: boolean;
  readonly format?: string;
  readonly stream: boolean;
  readonly trunc: boolean;
}

/** `stats` */
export const defineStats: Definition = (command, session) => {
  command
    .operands('[CONTAINER...]', 0)
    .option('-a, --all', 'show all containers (only running ones are shown otherwise)')
    .option('--format <string>', 'how to print: table, table TEMPLATE, json or a template')
    .option('--no-stream', 'show them once')
    .option('--no-trunc', "don't shorten output")
    .runs<StatsOptions>(session, (names, options) =>
      options.stream ? follow(session, names, options) : once(session, names, options),
    );
};

/** What is shown of one container; without figures yet, or when there are none. */
interface Watched {
  readonly container: string;
  body: StatsBody | undefined;
  stop?: () => void;
}

async function once(session: Session, names: readonly string[], options: StatsOptions): Promise<void> {
  const containers = names.length > 0 ? names : await listIds(session, options);
  const watched: Watched[] = [];
  const faults: string[] = [];
  await Promise.all(
    containers.map(async (container, index) => {
      try {
        const body = await session.client.request('GET', containerPath(container, '/stats'), {
          query: { stream: '0' },
        });
        watched[index] = { container, body: body as StatsBody };
      } catch (error) {
        // One that ended since the list was made is not of interest.
        if (names.length > 0 || !isNotFound(error)) faults.push(describeFault(error));
      }
    }),
  );
  if (faults.length > 0) throw new CommandFailure(1, faults.join('\n'));
  await session.print(render(Object.values(watched), options));
}

/** Between two pictures. */
const PAUSE_MS = 500;

async function follow(session: Session, names: readonly string[], options: StatsOptions): Promise<void> {
  const watched = new Map<string, Watched>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const watch = (container: string): void => {
    if (watched.has(container)) return;
    const abort = new AbortController();
    const entry: Watched = { container, body: undefined, stop: () => abort.abort() };
    watched.set(container, entry);
    readStats(session, entry, abort.signal).catch((error: unknown) => {
      if (abort.signal.aborted) return;
      if (names.length > 0) failed.reject(error);
      else watched.delete(container);
    });
  };
  const abortEvents = new AbortController();
  if (names.length > 0) for (const name of names) watch(name);
  else {
    followEvents(session, options, watch, watched, abortEvents.signal).catch((error: unknown) =>
      failed.reject(error),
    );
    for (const id of await listIds(session, options)) watch(id);
  }
  try {
    for (;;) {
      await Promise.race([pause(PAUSE_MS), failed.promise]);
      const { stdout } = session.streams;
      await writeOut(stdout, '\x1b[2J\x1b[H');
      await session.print(render([...watched.values()], options));
      if (names.length > 0 && watched.size === 0) return;
    }
  } finally {
    abortEvents.abort();
    for (const { stop } of watched.values()) stop?.();
  }
}

async function readStats(session: Session, entry: Watched, signal: AbortSignal): Promise<void> {
  const response = await session.client.stream('GET', containerPath(entry.container, '/stats'), {
    query: { stream: '1' },
    signal,
  });
  for await (const body of jsonLines<StatsBody>(response)) entry.body = body;
  entry.body = undefined;
}

async function followEvents(
  session: Session,
  { all = false }: StatsOptions,
  watch: (id: string) => void,
  watched: Map<string, Watched>,
  signal: AbortSignal,
): Promise<void> {
  const response = await session.client.stream('GET', '/events', {
    query: { filters: JSON.stringify({ type: { container: true } }) },
    signal,
  });
  for await (const event of jsonLines<{ Action?: string; Actor?: { ID?: string } }>(response)) {
    const id = event.Actor?.ID ?? '';
    if (event.Action === 'start' || (all && event.Action === 'create')) watch(id);
    if (event.Action === 'destroy' || (!all && event.Action === 'die')) {
      watched.get(id)?.stop?.();
      watched.delete(id);
    }
  }
}

async function listIds({ client }: Session, { all = false }: StatsOptions): Promise<string[]> {
  const items = await client.request('GET', '/containers/json', { query: { all: all ? '1' : undefined } });
  return (items as readonly { readonly Id: string }[]).map(({ Id }) => Id);
}

function render(watched: readonly Watched[], { format, trunc }: StatsOptions): string {
  const rows = watched.map(entry => statsRow(entry, trunc));
  return formatRows(rows, STATS_ROWS, chooseFormat(STATS_ROWS, { format }));
}

const NOTHING = '--';

function statsRow({ container, body }: Watched, truncates: boolean): Row {
  const id = body?.id ?? '';
  const ID = id === '' ? NOTHING : truncates ? id.slice(0, 12) : id;
  const Name = body?.name === undefined || body.name === '' ? NOTHING : body.name.replace(/^\//, '');
  const figures = body === undefined || id === '' ? undefined : figuresOf(body);
  if (figures === undefined) {
    return {
      Container: container,
      ID,
      Name,
      CPUPerc: NOTHING,
      MemUsage: `${NOTHING} / ${NOTHING}`,
      MemPerc: NOTHING,
      NetIO: NOTHING,
      BlockIO: NOTHING,
      PIDs: NOTHING,
    };
  }
  return {
    Container: container,
    ID,
    Name,
    CPUPerc: `${figures.cpuPercent.toFixed(2)}%`,
    MemUsage: `${formatBinarySize(figures.memoryBytes)} / ${formatBinarySize(figures.memoryLimitBytes)}`,
    MemPerc: `${figures.memoryPercent.toFixed(2)}%`,
    NetIO: `${formatSize(figures.receivedBytes)} / ${formatSize(figures.sentBytes)}`,
    BlockIO: `${formatSize(figures.readBytes)} / ${formatSize(figures.writtenBytes)}`,
    PIDs: String(figures.processes),
  };
}
