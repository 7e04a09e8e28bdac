/** JSON.stringify's spelling of 2^64-1 (RLIM_INFINITY), which JavaScript's numbers can't hold, and the right one. */
const ROUNDED_INFINITY = JSON.stringify(2 ** 64);
const INFINITY_DIGITS = '18446744073709551615';

/** JSON of a specification as the runtime has to read it. */
export function formatOciJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(ROUNDED_INFINITY, INFINITY_DIGITS);
}
