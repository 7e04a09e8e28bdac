import { formatFrame } from '../../engine-api/stdcopy.ts';
import { invalidParameter } from '../docker-errors.ts';
import { formatLogTime } from '../logs/k8s-log.ts';
import type { LogPiece } from './backend.ts';
import { type Exchange, writeAll } from './exchange.ts';
import { booleanQuery, timeQuery } from './query.ts';

const NEWLINE = Buffer.from('\n');

/** GET /containers/{id}/logs: framed as stdcopy, or as it is when the container has a terminal. */
export async function containerLogs(exchange: Exchange): Promise<void> {
  const { backend, parameters, query, reply, signal } = exchange;
  const id = parameters.id ?? '';
  const wanted = { stdout: booleanQuery(query, 'stdout'), stderr: booleanQuery(query, 'stderr') };
  if (!wanted.stdout && !wanted.stderr) {
    throw invalidParameter('Bad parameters: you must choose at least one stream');
  }
  const timestamps = booleanQuery(query, 'timestamps');
  const since = timeQuery(query, 'since');
  const until = timeQuery(query, 'until');
  const tail = parseTail(query.get('tail'));
  const isRaw = backend.containers.hasTerminal(id);
  const source = backend.containers.logs(id, {
    follow: booleanQuery(query, 'follow'),
    ...(tail === undefined ? {} : { tail }),
    signal,
  });
  const output = reply.stream(
    200,
    isRaw ? 'application/vnd.docker.raw-stream' : 'application/vnd.docker.multiplexed-stream',
  );
  // A long line comes in pieces: its time stands before the first only.
  const open = { stdout: false, stderr: false };
  for await (const piece of source) {
    const isContinued = open[piece.stream];
    open[piece.stream] = piece.partial;
    if (until !== undefined && piece.timeNs > until) break;
    if (!wanted[piece.stream] || (since !== undefined && piece.timeNs < since)) continue;
    const data = formatPiece(piece, timestamps && !isContinued);
    await writeAll(output, isRaw ? data : formatFrame(piece.stream, data), signal);
  }
  output.end();
}

/** `all`, the empty word and what is no number mean everything, as in Docker. */
function parseTail(text: string | null): number | undefined {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function formatPiece(piece: LogPiece, withTime: boolean): Buffer {
  const time = withTime ? [Buffer.from(`${formatLogTime(piece.timeNs)} `)] : [];
  return Buffer.concat([...time, piece.text, ...(piece.partial ? [] : [NEWLINE])]);
}
