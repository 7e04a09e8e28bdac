import { type ErrorKind, ToolError } from '../errors.ts';
import { type Place, formatPlace, formatSnippet } from './place.ts';

/** One thing that is wrong (or, as a warning, doubtful) in a file that a person wrote. */
export interface Fault {
  /** Lower case, no full stop. */
  readonly message: string;
  /** One next action. */
  readonly hint?: string;
  readonly place?: Place;
  /** A second place that belongs to it, such as the first of two definitions. */
  readonly related?: { readonly message: string; readonly place: Place };
}

/** Every fault found in one input; the message shows them all with place, line and hint. */
export class InputError extends ToolError {
  readonly faults: readonly Fault[];

  /** @param subject what was being read, e.g. `manifest` */
  constructor(code: string, subject: string, faults: readonly Fault[], kind: ErrorKind = 'invalid-input') {
    const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
    super(`the ${subject} has ${count}\n\n${faults.map(formatFault).join('\n\n')}`, {
      code,
      kind,
    });
    this.name = 'InputError';
    this.faults = faults;
  }
}

/** `file:line:column: message`, the line with a caret, and the hint. */
export function formatFault(fault: Fault): string {
  const lines = [fault.place ? `${formatPlace(fault.place)}: ${fault.message}` : fault.message];
  if (fault.place) lines.push(indent(formatSnippet(fault.place)));
  if (fault.related) {
    lines.push(`  ${fault.related.message}: ${formatPlace(fault.related.place)}`);
    lines.push(indent(formatSnippet(fault.related.place)));
  }
  if (fault.hint) lines.push(`  hint: ${fault.hint}`);
  return lines.join('\n');
}

/** Faults in the order in which a reader meets them: files as given, then line and column. */
export function sortFaults(faults: readonly Fault[], files: readonly string[]): Fault[] {
  const rank = ({ place }: Fault): number => (place ? files.indexOf(place.file) : files.length);
  return [...faults].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      (a.place?.line ?? 0) - (b.place?.line ?? 0) ||
      (a.place?.column ?? 0) - (b.place?.column ?? 0),
  );
}

function indent(text: string): string {
  return text
    .split('\n')
    .map(line => `  ${line}`)
    .join('\n');
}
