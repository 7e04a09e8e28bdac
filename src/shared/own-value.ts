/** What an object holds itself under a key that may come from anybody, such as `constructor`. */
export function ownValue<T>(from: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(from, key) ? from[key] : undefined;
}
