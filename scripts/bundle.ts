/**
 * Makes dist/: the builder's bundle (one lazy chunk per command) and the machine's one bundle. Run when
 * the package is built or a checkout's sources are newer than dist/, never during `slipway build`.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';

const root = dirname(import.meta.dirname);
const staging = join(root, `dist.tmp-${process.pid}`);

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node24',
  legalComments: 'none',
  logLevel: 'warning',
};

/**
 * The commands of `system-docker` are a file of their own, which the daemon never reads: the text of a program stays
 * in memory as long as the program runs.
 */
const commandLineApart: Plugin = {
  name: 'command-line-apart',
  setup(build) {
    build.onResolve({ filter: /^\.\/cli\/main\.ts$/ }, () => ({
      path: './command-line.cjs',
      external: true,
    }));
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
  const machine: BuildOptions = {
    ...common,
    // An ES module that imports node:http evaluates all of its exports, and with them a second HTTP client: 6 MB of
    // memory that nothing ever uses. CommonJS takes what it names.
    format: 'cjs',
    minifyWhitespace: true,
    minifySyntax: true,
  };
  await build({
    ...machine,
    entryPoints: ['src/machine/main.ts'],
    outfile: join(staging, 'machine', 'system-docker.cjs'),
    plugins: [commandLineApart],
  });
  await build({
    ...machine,
    entryPoints: ['src/machine/cli/main.ts'],
    outfile: join(staging, 'machine', 'command-line.cjs'),
  });
  await writeFile(join(staging, 'stamp'), '');
  const dist = join(root, 'dist');
  const old = `${staging}-old`;
  await rename(dist, old).catch(() => undefined);
  await rename(staging, dist);
  await rm(old, { recursive: true, force: true });
} finally {
  await rm(staging, { recursive: true, force: true });
}
