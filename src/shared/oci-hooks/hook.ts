/** When a hook is run, in the order of a container's life. */
export const HOOK_STAGES = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const;

export type HookStage = (typeof HOOK_STAGES)[number];

/** A program of the machine that the runtime runs; it gets the container's state on its input. */
export interface OciHook {
  readonly path: string;
  /** Its whole argv. */
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  /** Seconds until it is killed. */
  readonly timeout: number;
}

export type OciHooks = Partial<Readonly<Record<HookStage, readonly OciHook[]>>>;
