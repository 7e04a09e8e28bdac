import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';

const MODULE = join(import.meta.dirname, '../../../../src/machine/host/quiet-memory.ts');

/** Runs a process that drops 40 MB which small collections have carried over, and then does nothing for as long as told. */
function run(
  flags: readonly string[],
  waitUntil: string,
): { readonly before: number; readonly after: number } {
  const script = `
    const { collectWhenQuiet } = await import(${JSON.stringify(MODULE)});
    collectWhenQuiet({ quietMs: 200, apartMs: 0 });
    let kept = Array.from({ length: 400 }, () => Array.from({ length: 12500 }, Math.random));
    const used = () => process.memoryUsage().heapUsed;
    const before = used();
    kept = undefined;
    const begin = Date.now();
    while (!(${waitUntil})) await new Promise(resolve => setTimeout(resolve, 50));
    console.log(JSON.stringify({ before, after: used() }));`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--no-memory-reducer', '--max-semi-space-size=1', ...flags, '--input-type=module', '-e', script],
    { encoding: 'utf8', env: {} },
  );
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as { before: number; after: number };
}

t.test('gives memory back once nothing is done', async t => {
  const { before, after } = run(['--expose-gc'], 'used() < before - 3e7 || Date.now() > begin + 90_000');
  t.ok(after < before - 3e7, `${before} bytes were used, and then ${after}`);
});

t.test('does nothing where nothing can be collected', async t => {
  const { before, after } = run([], 'Date.now() > begin + 600');
  t.ok(after > before - 3e7, `${before} bytes were used, and then ${after}`);
});
