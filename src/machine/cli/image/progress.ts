import type { Session } from '../session.ts';
import { CommandFailure } from '../failure.ts';
import { type CliStreams, writeOut } from '../terminal.ts';
import { formatSize } from '../units.ts';

interface ProgressMessage {
  readonly status?: string;
  readonly stream?: string;
  readonly id?: string;
  readonly progressDetail?: {
    readonly current?: number;
    readonly total?: number;
    readonly hidecounts?: boolean;
  };
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string; readonly code?: number };
  readonly aux?: unknown;
}

/**
 * Shows the messages of a pull, push or load as they come: on a terminal one line for each layer, which changes;
 * elsewhere a line for each change of state. Throws CommandFailure with the message of an error among them.
 * @param onAux gets what is meant for programs
 */
export async function showProgress(
  { streams }: Pick<Session, 'streams'>,
  output: CliStreams['stdout'],
  messages: AsyncIterable<Buffer>,
  onAux: (aux: unknown) => void = () => undefined,
): Promise<void> {
  const isTerminal = output.isTTY;
  const width = isTerminal ? streams.stdout.columns : 0;
  let lines = new Map<string, number>();
  for await (const message of jsonLines(messages)) {
    if (message.aux !== undefined) {
      onAux(message.aux);
      continue;
    }
    let text = '';
    let up = 0;
    const { id = '', progressDetail } = message;
    if (id !== '' && progressDetail !== undefined) {
      let line = lines.get(id);
      if (line === undefined) {
        line = lines.size;
        lines.set(id, line);
        if (isTerminal) text += '\n';
      }
      up = lines.size - line;
      if (isTerminal && up > 0) text += `\x1b[${up}A`;
    } else lines = new Map();
    const fault = message.errorDetail?.message ?? message.error;
    if (fault !== undefined) throw new CommandFailure(1, fault);
    text += formatMessage(message, isTerminal, width);
    if (isTerminal && id !== '' && up > 0) text += `\x1b[${up}B`;
    if (text !== '') await writeOut(output, text);
  }
}

function formatMessage(message: ProgressMessage, isTerminal: boolean, width: number): string {
  const { id = '', status = '', stream = '', progressDetail } = message;
  const bar = progressDetail === undefined ? '' : formatBar(progressDetail, width);
  let text = '';
  let end = '';
  if (isTerminal && stream === '' && progressDetail !== undefined) {
    end = '\r';
    text = `\x1b[2K${end}`;
  } else if (bar !== '') return '';
  if (id !== '') text += `${id}: `;
  if (progressDetail !== undefined && isTerminal) return `${text}${status} ${bar}${end}`;
  return stream === '' ? `${text}${status}${end}\n` : `${text}${stream}${end}`;
}

const BAR = 50;

/** A bar when the terminal is wide, and how much of how much. */
function formatBar(
  { current = 0, total = 0, hidecounts = false }: NonNullable<ProgressMessage['progressDetail']>,
  width: number,
): string {
  if (current <= 0 && total <= 0) return '';
  const size = (bytes: number): string => formatSize(bytes, 4);
  if (total <= 0) return size(current).padStart(8);
  const done = Math.min(BAR, Math.floor(((current / total) * 100) / 2));
  const bar = width > 110 ? `[${'='.repeat(done)}>${' '.repeat(BAR - done)}] ` : '';
  if (hidecounts) return bar;
  return bar + (current > total ? size(current).padStart(8) : `${size(current).padStart(8)}/${size(total)}`);
}

/** A line that long is no message; the stream is broken. */
const MAX_LINE = 4 * 1024 * 1024;

/** Objects of a stream of JSON, one a line. */
export async function* jsonLines<T = ProgressMessage>(
  chunks: AsyncIterable<Buffer>,
  parse: (text: string) => unknown = JSON.parse,
): AsyncGenerator<T> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) throw new CommandFailure(1, 'the answer of the engine has no end of line');
    for (const line of lines) if (line.trim() !== '') yield parse(line) as T;
  }
  if (rest.trim() !== '') yield parse(rest) as T;
}
