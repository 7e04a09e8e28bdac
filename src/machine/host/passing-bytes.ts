const SWEEP_BYTES = 4 * 1024 * 1024;

/**
 * Is to be told of bytes that pass through this process on their way from one place to another, and has the memory of
 * what has passed given back. V8 collects garbage by the number of objects, and a piece of 256 KiB is one small object:
 * left alone it lets 60 MB and more pile up, and then searches the whole heap for them again and again.
 *
 * Does nothing in a process without `--expose-gc`.
 */
export function passingBytes(): (bytes: number) => void {
  const collect = globalThis.gc;
  if (collect === undefined) return () => undefined;
  let passed = 0;
  return bytes => {
    passed += bytes;
    if (passed < SWEEP_BYTES) return;
    passed = 0;
    collect({ type: 'minor', execution: 'sync' });
  };
}
