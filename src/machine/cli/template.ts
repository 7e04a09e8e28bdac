import { evaluateTemplate } from './template/evaluate.ts';
import { FUNCTION_NAMES, FUNCTIONS, HEADER_FUNCTIONS } from './template/functions.ts';
import type { Template } from './template/nodes.ts';
import { parseTemplate } from './template/parser.ts';

/** A format that was read, ready to be used for many values. */
export interface CompiledTemplate {
  /** The text for a value. Throws TEMPLATE_FAILED. */
  execute(data: unknown, options?: { readonly failsForMissing?: boolean }): string;
  /** The header line of a table: names of columns by field. */
  header(names: Readonly<Record<string, string>>): string;
}

/**
 * Reads a template of Go's text/template with Docker's functions. Throws TEMPLATE_INVALID in Go's words.
 * @param name that messages give the template
 */
export function compileTemplate(text: string, name = ''): CompiledTemplate {
  const template: Template = parseTemplate(text, FUNCTION_NAMES, name);
  return {
    execute: (data, options) => evaluateTemplate(template, data, { functions: FUNCTIONS, ...options }),
    header: names =>
      evaluateTemplate(template, { ...names, Label: labelHeader }, { functions: HEADER_FUNCTIONS }),
  };
}

/** The last word of a label's name, `my-label` of `org.example.my-label`, with blanks. */
function labelHeader(label: unknown): string {
  return String(label).split('.').at(-1)?.replaceAll(/[-_]/g, ' ') ?? '';
}
