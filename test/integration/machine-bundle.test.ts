/** The daemon's bundle: what it reads and loads at its start, which stays in memory for as long as the machine is up. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

/** What the daemon reads at its start may grow by what every machine needs. */
const MAX_START_BYTES = 600_000;

const dist = join(t.testdir({}), 'dist');
execFileSync(process.execPath, [join(import.meta.dirname, '../../scripts/bundle.ts'), dist]);
const outdir = join(dist, 'machine');
const files = readdirSync(outdir).filter(name => name.startsWith('daemon'));

/** What a script prints as JSON in a process of its own, in the bundle's folder. */
function evaluate(script: string): unknown {
  const text = execFileSync(process.execPath, ['-e', script], { cwd: outdir, encoding: 'utf8', env: {} });
  return JSON.parse(text);
}

t.test('the start reads one file, without what most machines never need', async t => {
  const loaded = evaluate(`
    const before = new Set(process.moduleLoadList);
    const { runSystemDocker } = require('./daemon.cjs');
    if (typeof runSystemDocker !== 'function') throw new Error('no program');
    const modules = process.moduleLoadList.filter(name => !before.has(name)).map(name => name.split(' ').at(-1));
    console.log(JSON.stringify({ files: Object.keys(require.cache), modules }));`) as {
    readonly files: readonly string[];
    readonly modules: readonly string[];
  };
  // The test runner gives every process of a test some files of its own.
  const own = loaded.files.filter(file => file.startsWith(`${outdir}/`));
  t.same(own, [join(outdir, 'daemon.cjs')]);
  for (const module of [
    'tls',
    'https',
    'zlib',
    'worker_threads',
    'internal/deps/undici/undici',
    'perf_hooks',
  ])
    t.notOk(loaded.modules.includes(module), `${module} is not loaded`);
  const text = readFileSync(join(outdir, 'daemon.cjs'), 'utf8');
  t.ok(text.length < MAX_START_BYTES, `it is ${text.length} bytes long`);
  const heavy = {
    websockets: 'Sec-WebSocket-Accept',
    'pulling images': 'Pulling from',
    'reading tar archives': 'GNU.sparse',
    'formatting containers': 'GraphDriver',
  };
  for (const [what, mark] of Object.entries(heavy)) {
    t.notOk(text.includes(mark), `${what} is no part of it`);
    t.ok(
      files.some(file => readFileSync(join(outdir, file), 'utf8').includes(mark)),
      `${what} is in another file`,
    );
  }
});

t.test('every part can be loaded, and shares its modules with the program', async t => {
  t.ok(files.length > 5, `${files.length} files`);
  for (const file of files.filter(name => name !== 'daemon.cjs')) {
    const loaded = evaluate(`
      require('./daemon.cjs');
      require('./${file}');
      console.log(JSON.stringify(Object.keys(require.cache)));`) as readonly string[];
    t.ok(loaded.includes(join(outdir, file)), file);
  }
  const definitions = files.filter(file =>
    /class ToolError\b|ToolError=class/.test(readFileSync(join(outdir, file), 'utf8')),
  );
  t.same(definitions, ['daemon.cjs'], 'an error is the same class everywhere');
});
