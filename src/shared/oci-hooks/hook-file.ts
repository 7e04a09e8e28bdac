import { ToolError, messageOf } from '../errors.ts';
import { HOOK_STAGES, type HookStage, type OciHook } from './hook.ts';

/** When a hook is for a container: all conditions that are set have to hold. */
export interface HookConditions {
  readonly always?: boolean;
  /** Each pair has to match the name and the value of one annotation. */
  readonly annotations: readonly (readonly [name: RegExp, value: RegExp])[];
  /** One has to match the first word of the container's command. */
  readonly commands?: readonly RegExp[];
  /** The container was given folders or files of the machine. */
  readonly hasBindMounts?: boolean;
}

/** One file of a folder of hooks. */
export interface HookFile {
  readonly hook: OciHook;
  readonly when: HookConditions;
  readonly stages: readonly HookStage[];
}

/** Seconds that a hook has which says nothing, so that none holds a start up for ever; and the most that one may ask for. */
export const DEFAULT_TIMEOUT_S = 10;
export const MAX_TIMEOUT_S = 300;

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a hook's file of version 1.0.0 (oci-hooks(5), as Podman and CRI-O have it). Patterns are JavaScript's. Throws
 * OCI_HOOK_INVALID.
 * @param file its path, for messages
 */
export function parseHookFile(text: string, file: string): HookFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw hookFault(file, 'it is not JSON', cause);
  }
  const root = mappingIn(json, 'it', file);
  refuseOthers(root, ['version', 'hook', 'when', 'stages'], '', file);
  if (root.version !== '1.0.0') throw hookFault(file, '"version" is not "1.0.0"');
  return {
    hook: parseHook(mappingIn(root.hook, '"hook"', file), file),
    when: parseConditions(mappingIn(root.when, '"when"', file), file),
    stages: parseStages(root.stages, file),
  };
}

function parseHook(hook: Json, file: string): OciHook {
  refuseOthers(hook, ['path', 'args', 'env', 'timeout'], 'hook.', file);
  const { path, timeout = DEFAULT_TIMEOUT_S } = hook;
  if (typeof path !== 'string' || !path.startsWith('/')) {
    throw hookFault(file, '"hook.path" is not an absolute path');
  }
  if (!Number.isInteger(timeout) || Number(timeout) < 1 || Number(timeout) > MAX_TIMEOUT_S) {
    throw hookFault(file, `"hook.timeout" is not a number of seconds from 1 to ${MAX_TIMEOUT_S}`);
  }
  return {
    path,
    ...(hook.args === undefined ? {} : { args: textsIn(hook.args, '"hook.args"', file) }),
    ...(hook.env === undefined ? {} : { env: textsIn(hook.env, '"hook.env"', file) }),
    timeout: Number(timeout),
  };
}

function parseConditions(when: Json, file: string): HookConditions {
  refuseOthers(when, ['always', 'annotations', 'commands', 'hasBindMounts'], 'when.', file);
  if (Object.keys(when).length === 0) throw hookFault(file, '"when" says nothing: write "always": true');
  for (const key of ['annotations', 'commands'] as const) {
    const value = when[key];
    if (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
      throw hookFault(file, `"when.${key}" is empty`);
  }
  const flag = (key: 'always' | 'hasBindMounts'): Record<string, boolean> => {
    const value = when[key];
    if (value === undefined) return {};
    if (typeof value !== 'boolean') throw hookFault(file, `"when.${key}" is neither true nor false`);
    return { [key]: value };
  };
  const annotations =
    when.annotations === undefined ? {} : mappingIn(when.annotations, '"when.annotations"', file);
  return {
    ...flag('always'),
    ...flag('hasBindMounts'),
    annotations: Object.entries(annotations).map(([name, value]) => [
      patternIn(name, '"when.annotations"', file),
      patternIn(value, '"when.annotations"', file),
    ]),
    ...(when.commands === undefined
      ? {}
      : {
          commands: textsIn(when.commands, '"when.commands"', file).map(command =>
            patternIn(command, '"when.commands"', file),
          ),
        }),
  };
}

function parseStages(value: unknown, file: string): HookStage[] {
  const stages = textsIn(value, '"stages"', file);
  if (stages.length === 0) throw hookFault(file, '"stages" is empty');
  return stages.map(stage => {
    const known = HOOK_STAGES.find(name => name === stage);
    if (known === undefined) {
      throw hookFault(
        file,
        `"stages" holds ${JSON.stringify(stage)}, which is none of ${HOOK_STAGES.join(', ')}`,
      );
    }
    return known;
  });
}

function patternIn(value: unknown, what: string, file: string): RegExp {
  if (typeof value !== 'string') throw hookFault(file, `${what} holds something that is not a text`);
  try {
    return new RegExp(value);
  } catch (cause) {
    throw hookFault(
      file,
      `${what} holds ${JSON.stringify(value)}, which is no pattern: ${messageOf(cause)}`,
      cause,
    );
  }
}

function mappingIn(value: unknown, what: string, file: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw hookFault(file, value === undefined ? `${what} is missing` : `${what} is not an object`);
  }
  return value as Json;
}

function textsIn(value: unknown, what: string, file: string): string[] {
  if (value === undefined) throw hookFault(file, `${what} is missing`);
  if (!Array.isArray(value) || value.some(item => typeof item !== 'string')) {
    throw hookFault(file, `${what} is not a list of texts`);
  }
  return value as string[];
}

function refuseOthers(value: Json, known: readonly string[], prefix: string, file: string): void {
  const other = Object.keys(value).find(key => !known.includes(key));
  if (other === undefined) return;
  throw hookFault(file, `"${prefix}${other}" is not known; here stand ${known.join(', ')}`);
}

/** What keeps a container from being started: the file and why. */
export function hookFault(file: string, fault: string, cause?: unknown): ToolError {
  return new ToolError(`OCI hook ${file}: ${fault}`, {
    code: 'OCI_HOOK_INVALID',
    kind: 'invalid-input',
    cause,
  });
}
