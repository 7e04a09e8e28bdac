import { HOOK_STAGES, type OciHooks } from '../../../shared/oci-hooks/hook.ts';
import type { HookConditions, HookFile } from '../../../shared/oci-hooks/hook-file.ts';

/** What of a container the conditions of hooks ask for. */
export interface HookSubject {
  /** First word of what is run. */
  readonly command: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly hasBindMounts: boolean;
}

/** The hooks that are for a container, by stage and in the order given; undefined where there are none. */
export function matchHooks(files: readonly HookFile[], subject: HookSubject): OciHooks | undefined {
  const wanted = files.filter(file => matches(file.when, subject));
  if (wanted.length === 0) return undefined;
  return Object.fromEntries(
    HOOK_STAGES.map(
      stage => [stage, wanted.filter(file => file.stages.includes(stage)).map(file => file.hook)] as const,
    ).filter(([, hooks]) => hooks.length > 0),
  );
}

function matches(when: HookConditions, { command, annotations, hasBindMounts }: HookSubject): boolean {
  // A condition that is false never holds: it is not the opposite of one that is true.
  if (when.always === false || when.hasBindMounts === false) return false;
  if (when.hasBindMounts === true && !hasBindMounts) return false;
  const pairs = Object.entries(annotations);
  const hasPair = ([name, value]: readonly [RegExp, RegExp]): boolean =>
    pairs.some(pair => name.test(pair[0]) && value.test(pair[1]));
  if (!when.annotations.every(hasPair)) return false;
  return when.commands === undefined || when.commands.some(pattern => pattern.test(command));
}
