/** What a template is after parsing: Go's text/template, as far as Docker's formats use it. */

/** A place in the text of a template, for messages. */
export interface Place {
  /** Characters before it. */
  readonly offset: number;
  /** The words that stand there. */
  readonly source: string;
}

export type Operand =
  | { readonly kind: 'dot'; readonly place: Place }
  | { readonly kind: 'constant'; readonly value: string | number | boolean | null; readonly place: Place }
  | { readonly kind: 'field'; readonly path: readonly string[]; readonly place: Place }
  | {
      readonly kind: 'variable';
      readonly name: string;
      readonly path: readonly string[];
      readonly place: Place;
    }
  | {
      readonly kind: 'chain';
      readonly operand: Operand;
      readonly path: readonly string[];
      readonly place: Place;
    }
  | { readonly kind: 'function'; readonly name: string; readonly place: Place }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline; readonly place: Place };

/** An operand or function, and its arguments. */
export type Call = readonly [Operand, ...Operand[]];

export interface Pipeline {
  /** Variables that it declares or sets, at most two (of a range). */
  readonly variables: readonly string[];
  /** `=` instead of `:=`. */
  readonly assigns: boolean;
  readonly calls: readonly Call[];
  readonly place: Place;
}

export interface Branch {
  readonly kind: 'if' | 'with' | 'range';
  readonly pipeline: Pipeline;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipeline: Pipeline }
  | Branch
  | { readonly kind: 'break' }
  | { readonly kind: 'continue' }
  | {
      readonly kind: 'template';
      readonly name: string;
      readonly pipeline: Pipeline | undefined;
      readonly place: Place;
    };

/** A parsed template and those that it defines. */
export interface Template {
  /** What messages call it; Docker's formats have no name as a rule. */
  readonly name: string;
  readonly text: string;
  readonly body: readonly Node[];
  readonly definitions: ReadonlyMap<string, readonly Node[]>;
}
