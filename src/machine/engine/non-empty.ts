/** Docker's API says "not given" with an empty text as well: undefined for both. */
export function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
