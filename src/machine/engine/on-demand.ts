/**
 * Code that is loaded when it is first asked for: the text of a program stays in memory as long as the program runs,
 * and most machines never pull an image. In the bundle each `import()` is a file of its own beside it, in the
 * read-only core, so that what is loaded always belongs to what loads it.
 */

/** The answer of the first call, for all; a load that failed is tried again by the next call. */
export function loadOnce<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
}

/** What can be loaded late without its callers noticing: every method answers a promise. */
type Promising<T> = { readonly [Name in keyof T]: (...args: never[]) => Promise<unknown> };

/** Stands in for a part that its first call loads. */
export function onDemand<T extends Promising<T>>(load: () => Promise<T>): T {
  const part = loadOnce(load);
  const callLater =
    (name: keyof T) =>
    async (...args: never[]): Promise<unknown> =>
      (await part())[name](...args);
  // Who awaits the part itself asks for `then`, and gets the part.
  const get = (_target: T, name: string | symbol): unknown =>
    name === 'then' ? undefined : callLater(name as keyof T);
  return new Proxy({} as T, { get });
}
