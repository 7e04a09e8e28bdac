import { invalidParameter } from '../docker-errors.ts';

/** The value of a variable; undefined when there is none. */
export type Lookup = (name: string) => string | undefined;

const NAME = '[A-Za-z_][A-Za-z0-9_]*';
const VARIABLE = `\\$(?:(${NAME})|\\{(${NAME})(?:(:?[-+])([^{}]*))?\\})`;
const PART = new RegExp(`"((?:[^"\\\\]|\\\\[\\s\\S])*)"|'([^']*)'|\\\\([\\s\\S])|${VARIABLE}`, 'g');
const QUOTED_PART = new RegExp(`\\\\(["\\\\$])|${VARIABLE}`, 'g');

/** The words of a text, parted by blanks outside of quotes, each as it is written. */
export function splitWords(text: string): string[] {
  const words = text.matchAll(/(?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*'|["'\\])+/g);
  return Array.from(words, ([word]) => word);
}

/**
 * A word of a Dockerfile as it is meant: quotes and backslashes taken away, and `$NAME`, `${NAME}`, `${NAME:-else}` and
 * `${NAME:+then}` replaced outside of single quotes. Throws ENGINE_INVALID_PARAMETER.
 */
export function expandWord(word: string, lookup: Lookup): string {
  if (/\$\{(?!([A-Za-z_][A-Za-z0-9_]*)(?::?[-+][^{}]*)?\})/.test(word.replace(/'[^']*'|\\[\s\S]/g, ''))) {
    throw invalidParameter(`failed to process "${word}": unsupported modifier in substitution`);
  }
  return word.replace(
    PART,
    (_, double?: string, single?: string, escaped?: string, ...variable: string[]) => {
      if (double === undefined) return single ?? escaped ?? valueOf(variable, lookup);
      return double.replace(
        QUOTED_PART,
        (_, sign?: string, ...inner: string[]) => sign ?? valueOf(inner, lookup),
      );
    },
  );
}

function valueOf(found: readonly (string | undefined)[], lookup: Lookup): string {
  const [plain, braced = '', operator = '', word = ''] = found;
  const value = lookup(plain ?? braced);
  // With a colon an empty value counts as none.
  const isSet = operator.startsWith(':') ? Boolean(value) : value !== undefined;
  if (operator.endsWith('-')) return isSet ? (value ?? '') : word;
  if (operator.endsWith('+')) return isSet ? word : '';
  return value ?? '';
}
