import type { LogConfig } from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';

/** How a container's log is kept. */
export interface LogSettings {
  /** Nothing is kept, and nothing can be read. */
  readonly off: boolean;
  /** A file of the log is put aside at this size; undefined: the engine's own share. */
  readonly maxFileBytes?: number;
  /** Files that are kept, the one that is written included. */
  readonly maxFiles?: number;
  /** Keys of labels and variables that `logs --details` shows. */
  readonly labels: readonly string[];
  readonly env: readonly string[];
}

/** Docker's drivers that keep a log which can be read again; here they are all one. */
const KEPT: readonly string[] = ['json-file', 'local', 'k8s-file'];
const OPTIONS: readonly string[] = [
  'max-size',
  'max-file',
  'compress',
  'labels',
  'labels-regex',
  'env',
  'env-regex',
  'tag',
  'mode',
  'max-buffer-size',
];
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/** Throws ENGINE_INVALID_PARAMETER for what no driver here knows. */
export function checkLogConfig(config: LogConfig | undefined): void {
  const type = config?.Type ?? '';
  if (type !== '' && type !== 'none' && !KEPT.includes(type)) {
    throw invalidParameter(`logger: no log driver named '${type}' is registered`);
  }
  for (const key of Object.keys(config?.Config ?? {})) {
    if (!OPTIONS.includes(key)) {
      throw invalidParameter(`unknown log opt '${key}' for ${type === '' ? 'json-file' : type} log driver`);
    }
  }
  readLogSettings(config);
}

/** Reads a request's log options. Throws ENGINE_INVALID_PARAMETER. */
export function readLogSettings(config: LogConfig | undefined): LogSettings {
  const options = config?.Config ?? {};
  const maxFileBytes = options['max-size'] === undefined ? undefined : parseSize(options['max-size']);
  const maxFiles = options['max-file'] === undefined ? undefined : Number(options['max-file']);
  if (maxFiles !== undefined && !(Number.isInteger(maxFiles) && maxFiles >= 1)) {
    throw invalidParameter('max-file cannot be less than 1');
  }
  const list = (text: string | undefined): string[] => (text ?? '').split(',').filter(word => word !== '');
  return {
    off: config?.Type === 'none',
    ...(maxFileBytes === undefined ? {} : { maxFileBytes }),
    ...(maxFiles === undefined ? {} : { maxFiles }),
    labels: list(options.labels),
    env: list(options.env),
  };
}

/** `10m`, `1.5g`; undefined for -1, which is no limit. */
function parseSize(text: string): number | undefined {
  if (text === '-1') return undefined;
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  const bytes = Number(match?.[1] ?? 0) * (UNITS[(match?.[2] ?? '').toLowerCase()] ?? 0);
  if (match === null) throw invalidParameter(`invalid size: '${text}'`);
  if (bytes < 1) throw invalidParameter('max-size should be a positive number');
  return Math.floor(bytes);
}
