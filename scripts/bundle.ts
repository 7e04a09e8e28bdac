/**
 * Makes dist/: the builder's bundle (one lazy chunk per command) and the machine's programs. Run when
 * the package is built or a checkout's sources are newer than dist/, never during `slipway build`. A folder to make
 * instead of dist/ can be given.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { bundleParts } from './bundle-parts.ts';

const root = dirname(import.meta.dirname);
const dist = process.argv[2] ?? join(root, 'dist');
const staging = `${dist}.tmp-${process.pid}`;

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node24',
  legalComments: 'none',
  logLevel: 'warning',
};

/**
 * What src/machine/main.ts starts, each a file that only its own start reads: the text of a program stays in memory as
 * long as the program runs.
 */
const PROGRAMS: ReadonlyMap<string, string> = new Map([
  ['./daemon.ts', 'daemon'],
  ['./ros/main.ts', 'ros'],
  ['./cli/main.ts', 'command-line'],
]);

const programsApart: Plugin = {
  name: 'programs-apart',
  setup(build) {
    build.onResolve({ filter: /\.ts$/ }, ({ path, kind }) => {
      const program = kind === 'dynamic-import' ? PROGRAMS.get(path) : undefined;
      return program === undefined ? undefined : { path: `./${program}.cjs`, external: true };
    });
  },
};

/** A worker is started by file name beside its importer, so each is an entry point of its own. */
const WORKERS = ['src/build/unpack/xz-worker.ts'];

await rm(staging, { recursive: true, force: true });
await mkdir(staging, { recursive: true });
try {
  await build({
    ...common,
    format: 'esm',
    // CommonJS dependencies ask for Node's own modules by require().
    banner: {
      js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
    },
    entryPoints: ['src/build/main.ts', ...WORKERS],
    entryNames: '[name]',
    chunkNames: 'chunks/[name]-[hash]',
    splitting: true,
    outdir: join(staging, 'build'),
    // Uses the deprecated `new Buffer`, which a bundle would move out of node_modules, where Node keeps quiet about it.
    external: ['cpio-stream'],
  });
  const machine = { ...common, outdir: join(staging, 'machine') };
  const whole: BuildOptions = {
    ...machine,
    // An ES module that imports node:http evaluates all of its exports, and with them a second HTTP client: 6 MB of
    // memory that nothing ever uses. CommonJS takes what it names.
    format: 'cjs',
    supported: { 'dynamic-import': false },
    minifyWhitespace: true,
    minifySyntax: true,
    outExtension: { '.js': '.cjs' },
  };
  await build({
    ...whole,
    entryPoints: { 'system-docker': 'src/machine/main.ts' },
    plugins: [programsApart],
  });
  await build({
    ...whole,
    entryPoints: { 'command-line': 'src/machine/cli/main.ts', ros: 'src/machine/ros/main.ts' },
  });
  await bundleParts(machine, 'daemon', 'src/machine/daemon.ts');
  await writeFile(join(staging, 'stamp'), '');
  const old = `${staging}-old`;
  await rename(dist, old).catch(() => undefined);
  await rename(staging, dist);
  await rm(old, { recursive: true, force: true });
} finally {
  await rm(staging, { recursive: true, force: true });
}
