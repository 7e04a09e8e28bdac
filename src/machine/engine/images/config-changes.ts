import { invalidParameter } from '../docker-errors.ts';
import { expandWord, splitWords } from './dockerfile-words.ts';

/** `config` of an image configuration as it is written; fields that are not known here are kept. */
export interface ImageConfigJson {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly OnBuild?: readonly string[];
  readonly Shell?: readonly string[];
  readonly Healthcheck?: object;
}

/**
 * Applies Dockerfile instructions to an image's configuration, as `docker commit --change` and `docker import
 * --change` do. Throws ENGINE_INVALID_PARAMETER.
 */
export function applyChanges(config: ImageConfigJson, changes: readonly string[]): ImageConfigJson {
  const setsCommand = changes.some(change => /^\s*cmd\b/i.test(change));
  return changes.reduce((current, change) => applyChange(current, change, setsCommand), config);
}

/** @param setsCommand whether a CMD goes with an ENTRYPOINT; the old one does not fit it */
function applyChange(config: ImageConfigJson, change: string, setsCommand: boolean): ImageConfigJson {
  const [, word = '', rest = ''] = /^\s*([A-Za-z]+)\s*([\s\S]*?)\s*$/.exec(change) ?? [];
  const name = word.toUpperCase();
  if (rest === '' && name !== 'CMD' && name !== 'ENTRYPOINT') {
    throw invalidParameter(
      `dockerfile parse error line 1: ${name || change.slice(0, 40)} requires an argument`,
    );
  }
  const expand = (text: string): string => expandWord(text, variable => valueIn(config.Env ?? [], variable));
  const words = (): string[] => splitWords(rest).map(expand);
  switch (name) {
    case 'CMD':
      return { ...config, Cmd: commandOf(config, rest) };
    case 'ENTRYPOINT':
      return { ...(setsCommand ? config : withoutCommand(config)), Entrypoint: commandOf(config, rest) };
    case 'ENV':
      return { ...config, Env: mergeEnv(config.Env ?? [], pairsOf(rest, expand)) };
    case 'LABEL':
      return { ...config, Labels: { ...config.Labels, ...Object.fromEntries(pairsOf(rest, expand)) } };
    case 'EXPOSE':
      return {
        ...config,
        ExposedPorts: { ...config.ExposedPorts, ...keysOf(words().map(portOf)) },
      };
    case 'VOLUME':
      return { ...config, Volumes: { ...config.Volumes, ...keysOf(listOf(rest)?.map(expand) ?? words()) } };
    case 'USER':
      return { ...config, User: expand(rest) };
    case 'WORKDIR':
      return { ...config, WorkingDir: resolveFolder(config.WorkingDir ?? '/', expand(rest)) };
    case 'STOPSIGNAL':
      return { ...config, StopSignal: expand(rest) };
    case 'ONBUILD':
      return { ...config, OnBuild: [...(config.OnBuild ?? []), rest] };
    case 'HEALTHCHECK':
      return { ...config, Healthcheck: healthcheckOf(config, rest) };
    default:
      throw invalidParameter(`${word.toUpperCase() || 'an empty text'} is not a valid change command`);
  }
}

/** The form of JSON is the words themselves; any other text is for the shell. */
function commandOf(config: ImageConfigJson, text: string): string[] {
  const words = listOf(text);
  if (words !== undefined) return words;
  return text === '' ? [] : [...(config.Shell ?? ['/bin/sh', '-c']), text];
}

function listOf(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every(item => typeof item === 'string')) return value;
  } catch {
    // It is for the shell then, as in a Dockerfile.
  }
  return undefined;
}

function withoutCommand(config: ImageConfigJson): ImageConfigJson {
  return Object.fromEntries(Object.entries(config).filter(([field]) => field !== 'Cmd'));
}

/** `A=b C="d e"`, or the older `A b c`. */
function pairsOf(text: string, expand: (word: string) => string): [string, string][] {
  const [, oldName = '', oldValue = ''] = /^([^\s=]+)\s+([\s\S]*)$/.exec(text) ?? [];
  if (oldName !== '') return [[oldName, expand(oldValue)]];
  return splitWords(text).map((word): [string, string] => {
    const equals = word.indexOf('=');
    if (equals < 1) {
      throw invalidParameter(
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    }
    return [expand(word.slice(0, equals)), expand(word.slice(equals + 1))];
  });
}

function valueIn(env: readonly string[], name: string): string | undefined {
  return env.find(item => item.startsWith(`${name}=`))?.slice(name.length + 1);
}

function mergeEnv(env: readonly string[], pairs: readonly (readonly [string, string])[]): string[] {
  const merged = new Map(env.map(item => [item.split('=')[0] ?? '', item]));
  for (const [name, value] of pairs) merged.set(name, `${name}=${value}`);
  return [...merged.values()];
}

function portOf(text: string): string {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  if (match === null || Number(match[1]) > 65535) throw invalidParameter(`invalid containerPort: ${text}`);
  const range = match[2] === undefined ? match[1] : `${match[1] ?? ''}-${match[2]}`;
  return `${range ?? ''}/${(match[3] ?? 'tcp').toLowerCase()}`;
}

function keysOf(names: readonly string[]): Record<string, object> {
  return Object.fromEntries(names.map(name => [name, {}]));
}

function resolveFolder(from: string, to: string): string {
  const parts: string[] = [];
  for (const part of `${to.startsWith('/') ? '' : `${from}/`}${to}`.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

const DURATION_UNITS = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 6e10, h: 3.6e12 } as const;
const OPTIONS: Readonly<Record<string, string>> = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
  'start-interval': 'StartInterval',
};

/** `--interval=5s CMD …` or `NONE`. */
function healthcheckOf(config: ImageConfigJson, text: string): object {
  if (/^none$/i.test(text)) return { Test: ['NONE'] };
  const fields: Record<string, number> = {};
  let rest = text;
  for (;;) {
    const [all, option = '', value = ''] = /^--([a-z-]+)=(\S+)\s+/.exec(rest) ?? [];
    if (all === undefined) break;
    rest = rest.slice(all.length);
    const field = OPTIONS[option];
    if (field !== undefined) fields[field] = nanosecondsOf(value);
    else if (option === 'retries' && /^\d{1,9}$/.test(value)) fields.Retries = Number(value);
    else throw invalidParameter(`Unknown flag: ${option}`);
  }
  const [, command] = /^CMD\s+([\s\S]+)$/i.exec(rest) ?? [];
  if (command === undefined)
    throw invalidParameter(`Unknown type ${JSON.stringify(rest.split(/\s/)[0])} in HEALTHCHECK (try CMD)`);
  const words = listOf(command);
  return { Test: words === undefined ? ['CMD-SHELL', command] : ['CMD', ...words], ...fields };
}

function nanosecondsOf(text: string): number {
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h))+$/.test(text))
    throw invalidParameter(`time: invalid duration ${JSON.stringify(text)}`);
  let total = 0;
  for (const [, number = '0', unit = 's'] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)) {
    total += Number(number) * DURATION_UNITS[unit as keyof typeof DURATION_UNITS];
  }
  return total;
}
