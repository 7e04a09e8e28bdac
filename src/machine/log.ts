/**
 * The daemon's own log: one JSON object a line, with the component it comes from.
 */

export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes log lines for one component. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log under another component's name. */
  child(component: string): Log;
}

export interface LogOptions {
  readonly component: string;
  /** Receives one line with its newline. */
  readonly write: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  /** Lines below this level are not written; `info` unless given. */
  readonly level?: LogLevel;
}

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warning: 2, error: 3 };

/** A log that formats `{"time":…,"level":…,"component":…,"message":…}`; never throws. */
export function createLog(options: LogOptions): Log {
  const { component, write, clock = Date.now, level: lowest = 'info' } = options;
  const at =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      if (ORDER[level] < ORDER[lowest]) return;
      const time = new Date(clock()).toISOString();
      write(`${JSON.stringify({ time, level, component, message, ...fields })}\n`);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warning: at('warning'),
    error: at('error'),
    child: name => createLog({ ...options, component: name }),
  };
}

/** A log that keeps nothing. */
export const silentLog: Log = createLog({ component: 'none', write: () => undefined, level: 'error' });
