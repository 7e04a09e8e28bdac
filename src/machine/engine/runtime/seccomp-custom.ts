import { release } from 'node:os';
import { messageOf } from '../../../shared/errors.ts';
import { invalidParameter } from '../docker-errors.ts';
import type { OciSeccomp, OciSeccompArgument, OciSeccompRule } from './oci-types.ts';

/** What decides which rules of a profile count. */
export interface SeccompCircumstances {
  /** `CAP_X` */
  readonly capabilities: readonly string[];
  /** `amd64` or `arm64`. */
  readonly arch: string;
  /** As uname(2) has it, `6.12.1-amd64`. */
  readonly kernel?: string;
}

const NATIVE: Readonly<Record<string, string>> = { amd64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64' };
const ACTIONS: readonly string[] = [
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_LOG',
];
const OPERATORS: readonly string[] = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
];
const FLAGS: readonly string[] = [
  'SECCOMP_FILTER_FLAG_TSYNC',
  'SECCOMP_FILTER_FLAG_LOG',
  'SECCOMP_FILTER_FLAG_SPEC_ALLOW',
];
const MAX_RULES = 10_000;

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a profile in Docker's format (`--security-opt seccomp=FILE`): rules with `includes` and `excludes` by
 * capability, architecture and kernel. Throws ENGINE_INVALID_PARAMETER.
 */
export function parseSeccompProfile(text: string, here: SeccompCircumstances): OciSeccomp {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refused(messageOf(error));
  }
  const profile = asObject(value, 'the profile');
  const rules = asList(profile.syscalls, 'syscalls');
  if (rules.length > MAX_RULES) throw refused(`it has more than ${MAX_RULES} rules`);
  const errno = optionalNumber(profile.defaultErrnoRet, 'defaultErrnoRet');
  const flags = asList(profile.flags, 'flags').map(flag => oneOf(flag, FLAGS, 'flags'));
  return {
    defaultAction: oneOf(profile.defaultAction, ACTIONS, 'defaultAction'),
    ...(errno === undefined ? {} : { defaultErrnoRet: errno }),
    architectures: architecturesOf(profile, here),
    ...(flags.length === 0 ? {} : { flags }),
    syscalls: rules.flatMap(rule => parseRule(asObject(rule, 'a rule'), here)),
  };
}

function architecturesOf(profile: Json, here: SeccompCircumstances): string[] {
  const plain = asList(profile.architectures, 'architectures').map(name => asText(name, 'architectures'));
  const map = asList(profile.archMap, 'archMap').map(entry => asObject(entry, 'archMap'));
  if (plain.length > 0 && map.length > 0) {
    throw invalidParameter(
      "use either 'architectures' or 'archMap' in the seccomp profile, 'architectures' and 'archMap' can't be used together",
    );
  }
  const own = map.find(entry => entry.architecture === NATIVE[here.arch]);
  const mapped =
    own === undefined
      ? []
      : [
          asText(own.architecture, 'archMap'),
          ...asList(own.subArchitectures, 'archMap').map(name => asText(name, 'archMap')),
        ];
  const all = plain.length > 0 ? plain : mapped;
  for (const name of all)
    if (!/^SCMP_ARCH_[A-Z0-9_]{1,20}$/.test(name)) throw refused(`unknown architecture ${name}`);
  return all;
}

function parseRule(rule: Json, here: SeccompCircumstances): OciSeccompRule[] {
  if (!applies(rule, here)) return [];
  const single = rule.name === undefined || rule.name === null || rule.name === '' ? [] : [rule.name];
  const several = asList(rule.names, 'names');
  if (single.length > 0 && several.length > 0) {
    throw invalidParameter(
      "use either 'name' or 'names' in the seccomp profile, 'name' and 'names' can't be used together",
    );
  }
  const names = [...single, ...several].map(name => asText(name, 'names'));
  for (const name of names)
    if (!/^[a-z0-9_]{1,64}$/i.test(name)) throw refused(`unknown system call ${name}`);
  if (names.length === 0) return [];
  const errno = optionalNumber(rule.errnoRet, 'errnoRet');
  const args = asList(rule.args, 'args').map(parseArgument);
  return [
    {
      names,
      action: oneOf(rule.action, ACTIONS, 'action'),
      ...(errno === undefined ? {} : { errnoRet: errno }),
      ...(args.length === 0 ? {} : { args }),
    },
  ];
}

function parseArgument(value: unknown): OciSeccompArgument {
  const argument = asObject(value, 'args');
  const index = optionalNumber(argument.index, 'index') ?? 0;
  if (index > 5) throw refused('a system call has six arguments');
  const second = optionalNumber(argument.valueTwo, 'valueTwo') ?? 0;
  return {
    index,
    value: optionalNumber(argument.value, 'value') ?? 0,
    valueTwo: second,
    op: oneOf(argument.op, OPERATORS, 'op'),
  };
}

/** Whether a rule's conditions are met: all that it includes, none that it excludes. */
function applies(rule: Json, here: SeccompCircumstances): boolean {
  const conditions = (key: 'includes' | 'excludes') => {
    const filter = asObject(rule[key] ?? {}, key);
    const kernel = filter.minKernel;
    return {
      capabilities: asList(filter.caps, 'caps').map(name => here.capabilities.includes(asText(name, 'caps'))),
      architectures: asList(filter.arches, 'arches').map(name => asText(name, 'arches')),
      kernel:
        typeof kernel === 'string' && kernel !== '' ? isAtLeast(here.kernel ?? release(), kernel) : undefined,
    };
  };
  const wanted = conditions('includes');
  const unwanted = conditions('excludes');
  return (
    wanted.capabilities.every(has => has) &&
    (wanted.architectures.length === 0 || wanted.architectures.includes(here.arch)) &&
    wanted.kernel !== false &&
    !unwanted.capabilities.some(has => has) &&
    !unwanted.architectures.includes(here.arch) &&
    unwanted.kernel !== true
  );
}

/** Compares the first two numbers of kernel releases. */
function isAtLeast(kernel: string, wanted: string): boolean {
  const numbers = (text: string): [number, number] => {
    const match = /^(\d{1,4})\.(\d{1,4})/.exec(text);
    if (match === null) throw refused(`unknown kernel version ${text}`);
    return [Number(match[1]), Number(match[2])];
  };
  const [major, minor] = numbers(kernel);
  const [wantedMajor, wantedMinor] = numbers(wanted);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function asObject(value: unknown, what: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw refused(`${what} is not an object`);
}

function asList(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw refused(`${what} is not a list`);
}

function asText(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw refused(`${what} holds something else than texts`);
}

function optionalNumber(value: unknown, what: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  // A comparison with all ones is more than a number holds; it is exact enough for none but masks of 64 bits.
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 64) return value;
  throw refused(`${what} is not a number that fits`);
}

function oneOf(value: unknown, known: readonly string[], what: string): string {
  if (typeof value === 'string' && known.includes(value)) return value;
  throw refused(`${what} is not known: ${typeof value === 'string' ? value.slice(0, 60) : typeof value}`);
}

function refused(reason: string): Error {
  return invalidParameter(`Decoding seccomp profile failed: ${reason}`);
}
