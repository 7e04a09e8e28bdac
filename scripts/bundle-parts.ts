import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  type BuildOptions,
  type Metafile,
  type Plugin,
  type TransformOptions,
  build,
  transform,
} from 'esbuild';

/** A part is loaded by require(): Node's loader of ES modules costs memory of its own. */
const COMMON_JS = {
  format: 'cjs',
  platform: 'node',
  supported: { 'dynamic-import': false },
  minifyWhitespace: true,
  minifySyntax: true,
} satisfies BuildOptions & TransformOptions;

/**
 * Makes `NAME.cjs` of what a program reads at its start, and beside it files for the parts that it loads by `import()`.
 * Every module is there once.
 *
 * esbuild splits only ES modules. So it splits the program as those, and what it made is then put together again as
 * CommonJS: all but the parts into one file, which hands its chunks to the parts by name.
 *
 * @param options `outdir` is where the files go
 */
export async function bundleParts(
  options: BuildOptions & { readonly outdir: string },
  name: string,
  entry: string,
): Promise<void> {
  const { outdir } = options;
  const split = await build({
    ...options,
    entryPoints: { [name]: entry },
    format: 'esm',
    splitting: true,
    minifyWhitespace: true,
    minifySyntax: true,
    chunkNames: `${name}-[name]-[hash]`,
    write: false,
    metafile: true,
  });
  const texts = new Map(split.outputFiles.map(file => [basename(file.path), file.text]));
  const { parts, shared } = sortOutputs(split.metafile, `${name}.js`);
  const core = await build({
    ...options,
    ...COMMON_JS,
    stdin: {
      contents: [
        ...shared.map((chunk, index) => `export * as c${index} from './${chunk}';`),
        `export * from './${name}.js';`,
      ].join('\n'),
    },
    plugins: [fromMemory(texts, parts)],
    write: false,
  });
  const toFiles = (code: string): string =>
    code.replace(/require\("\.\/([\w-]+)\.js"\)/g, (_whole, file: string) => {
      if (parts.has(`${file}.js`)) return `require("./${file}.cjs")`;
      const index = shared.indexOf(`${file}.js`);
      if (index < 0) throw new Error(`${file} is asked for, but it is neither a part nor shared`);
      return `require("./${name}.cjs").c${index}`;
    });
  await mkdir(outdir, { recursive: true });
  await writeFile(join(outdir, `${name}.cjs`), toFiles(core.outputFiles[0]?.text ?? ''));
  for (const part of parts) {
    const { code } = await transform(texts.get(part) ?? '', COMMON_JS);
    await writeFile(join(outdir, part.replace(/\.js$/, '.cjs')), toFiles(code));
  }
}

/** What is not read at the start, and what of the rest that asks for. */
function sortOutputs(
  metafile: Metafile,
  main: string,
): { readonly parts: ReadonlySet<string>; readonly shared: readonly string[] } {
  const outputs = new Map(Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output]));
  const importsOf = (file: string): string[] =>
    (outputs.get(file)?.imports ?? [])
      .filter(one => one.external !== true && one.kind === 'import-statement')
      .map(one => basename(one.path));
  const atStart = new Set([main]);
  for (const file of atStart) for (const next of importsOf(file)) atStart.add(next);
  const parts = new Set([...outputs.keys()].filter(file => !atStart.has(file)));
  const shared = new Set([...parts].flatMap(importsOf).filter(file => atStart.has(file)));
  return { parts, shared: [...shared].sort() };
}

/** What the first pass made, without a detour over the disk; parts stay where they are. */
function fromMemory(texts: ReadonlyMap<string, string>, parts: ReadonlySet<string>): Plugin {
  return {
    name: 'from-memory',
    setup(setting) {
      setting.onResolve({ filter: /^\.\// }, ({ path }) => {
        const file = basename(path);
        if (parts.has(file) || !texts.has(file)) return { path, external: true };
        return { path: file, namespace: 'memory' };
      });
      setting.onLoad({ filter: /.*/, namespace: 'memory' }, ({ path }) => ({
        contents: texts.get(path) ?? '',
        loader: 'js',
      }));
    },
  };
}
