/**
 * Progress events. Stages emit them; only src/build/report renders them. No stage prints.
 */

export type BuildEvent =
  /** A stage begins: parse, resolve, fetch, assemble, pack, artifacts. */
  | { readonly type: 'stage-start'; readonly stage: string }
  | {
      readonly type: 'stage-end';
      readonly stage: string;
      readonly durationMs: number;
      readonly cached?: boolean;
    }
  /** A named step inside a stage, such as "squashfs core"; `cached` when its result was in the store. */
  | { readonly type: 'step-start'; readonly stage: string; readonly step: string }
  | {
      readonly type: 'step-end';
      readonly stage: string;
      readonly step: string;
      readonly durationMs: number;
      readonly cached: boolean;
    }
  /** Bytes of one stage's downloads; totals are of everything to fetch in this run. */
  | {
      readonly type: 'fetch-progress';
      readonly name: string;
      readonly receivedBytes: number;
      readonly totalBytes: number;
      readonly filesDone: number;
      readonly filesTotal: number;
    }
  | { readonly type: 'warning'; readonly message: string; readonly hint?: string }
  | { readonly type: 'note'; readonly message: string };

export type EmitEvent = (event: BuildEvent) => void;

/** An emitter for callers that do not report. */
export const ignoreEvents: EmitEvent = () => undefined;
