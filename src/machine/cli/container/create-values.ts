/** Values of options of `run` and `create`; what they cannot mean is a BadValue with Docker's reason. */
import { BadValue } from '../flags.ts';
import { parseBinarySize, parseDuration } from '../units.ts';

export interface Throttle {
  readonly Path: string;
  readonly Rate: number;
}

export interface Ulimit {
  readonly Name: string;
  readonly Hard: number;
  readonly Soft: number;
}

export function sizeParser(flags: string): (text: string) => number {
  // No limit is said by -1 for memory and swap together only.
  const takesMinusOne = flags.startsWith('--memory-swap');
  return text => {
    if (takesMinusOne && text === '-1') return -1;
    const size = parseBinarySize(text);
    if (size === undefined) throw new BadValue(`invalid size: '${text}'`);
    return size;
  };
}

export function duration(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) throw new BadValue(`time: invalid duration ${JSON.stringify(text)}`);
  return value;
}

export function processors(text: string): number {
  const [whole = '', fraction = '', ...more] = text.split('.');
  if (more.length > 0 || !/^\d+$/.test(whole + fraction)) {
    throw new BadValue(`failed to parse ${text} as a rational number`);
  }
  if (fraction.length > 9) throw new BadValue('value is too precise');
  return Number(whole) * 1e9 + Number(fraction.padEnd(9, '0'));
}

export function attachment(text: string): string {
  const name = text.toLowerCase();
  if (['stdin', 'stdout', 'stderr'].includes(name)) return name;
  throw new BadValue('valid streams are STDIN, STDOUT and STDERR');
}

export function address(text: string): string {
  const trimmed = text.trim();
  if (!/^[\da-fA-F:.]+$/.test(trimmed) || !/[.:]/.test(trimmed)) {
    throw new BadValue(`ip address is not correctly formatted: ${text}`);
  }
  return trimmed;
}

export function extraHost(text: string): string {
  const at = text.search(/[=:]/);
  const name = at < 0 ? '' : text.slice(0, at);
  const value = text.slice(at + 1).replace(/^\[(.*)\]$/, '$1');
  if (name === '') throw new BadValue(`bad format for add-host: ${JSON.stringify(text)}`);
  if (value !== 'host-gateway' && !/^[\da-fA-F.:]+$/.test(value)) {
    throw new BadValue(`invalid IP address in add-host: ${JSON.stringify(value)}`);
  }
  return `${name}:${value}`;
}

export function sysctl(text: string): string {
  const [name = ''] = text.split('=', 1);
  const known =
    /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|net\..*|fs\.mqueue\..*)$/;
  if (!text.includes('=') || !known.test(name)) throw new BadValue(`sysctl '${text}' is not allowed`);
  return text;
}

export function ulimit(text: string): Ulimit {
  const [name = '', limits] = text.split(/=(.*)/s);
  if (limits === undefined) throw new BadValue(`invalid ulimit argument: ${text}`);
  const [softText = '', hardText = softText] = limits.split(':');
  const number = (value: string): number => {
    if (!/^-?\d+$/.test(value))
      throw new BadValue(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    return Number(value);
  };
  const Soft = number(softText);
  const Hard = number(hardText);
  if (Hard !== -1 && (Soft === -1 || Soft > Hard)) {
    throw new BadValue(`ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`);
  }
  return { Name: name, Hard, Soft };
}

export function bytesRate(text: string): Throttle {
  const [Path, rate] = splitDevice(text);
  const Rate = parseBinarySize(rate);
  if (Rate === undefined)
    throw badRate(
      text,
      '<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb',
    );
  return { Path, Rate };
}

export function countRate(text: string): Throttle {
  const [Path, rate] = splitDevice(text);
  if (!/^\d+$/.test(rate)) throw badRate(text, '<number>. Number must be a positive integer');
  return { Path, Rate: Number(rate) };
}

export function weight(text: string): { Path: string; Weight: number } {
  const [Path, value] = splitDevice(text);
  const Weight = Number(value);
  if (!/^\d+$/.test(value) || (Weight > 0 && (Weight < 10 || Weight > 1000))) {
    throw new BadValue(`invalid weight for device: ${text}`);
  }
  return { Path, Weight };
}

function splitDevice(text: string): [string, string] {
  const [path = '', value = ''] = text.split(/:(.*)/s);
  if (path === '' || value === '') throw new BadValue(`bad format: ${text}`);
  if (!path.startsWith('/dev/')) throw new BadValue(`bad format for device path: ${text}`);
  return [path, value];
}

function badRate(text: string, form: string): BadValue {
  return new BadValue(`invalid rate for device: ${text}. The correct format is <device-path>:${form}`);
}
