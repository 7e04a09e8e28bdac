import { invalidParameter } from '../docker-errors.ts';
import type { Exchange } from './exchange.ts';
import { outputType, sendOutput } from './output-format.ts';
import { booleanQuery, timeQuery } from './query.ts';

/** The longest that a timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** GET /containers/{id}/logs: framed as stdcopy, or as it is when the container has a terminal. */
export async function containerLogs(exchange: Exchange): Promise<void> {
  const { backend, parameters, query, reply, signal, version } = exchange;
  const id = parameters.id ?? '';
  const wanted = { stdout: booleanQuery(query, 'stdout'), stderr: booleanQuery(query, 'stderr') };
  if (!wanted.stdout && !wanted.stderr) {
    throw invalidParameter('Bad parameters: you must choose at least one stream');
  }
  const since = timeQuery(query, 'since');
  const until = timeQuery(query, 'until');
  const tail = parseTail(query.get('tail'));
  const isRaw = backend.containers.hasTerminal(id);
  const leftMs = until === undefined ? Infinity : Number(until / 1_000_000n) - Date.now();
  const isFollowing = booleanQuery(query, 'follow') && leftMs > 0;
  using reading = backend.containers.logs(id, {
    follow: isFollowing,
    ...(tail === undefined ? {} : { tail }),
    signal:
      isFollowing && leftMs < MAX_TIMER_MS
        ? AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(leftMs))])
        : signal,
  });
  const output = reply.stream(200, outputType(version, isRaw));
  const format = {
    ...wanted,
    isRaw,
    timestamps: booleanQuery(query, 'timestamps'),
    ...(booleanQuery(query, 'details') ? { details: backend.containers.logDetails(id) } : {}),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
  await sendOutput(reading, output, format, signal);
  output.end();
}

/** `all`, the empty word and what is no number mean everything, as in Docker. */
function parseTail(text: string | null): number | undefined {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
