import { type BuildOptions } from 'esbuild';
/**
 * Makes `NAME.cjs` of what a program reads at its start, and beside it files for the parts that it loads by `import()`.
 * Every module is there once.
 *
 * esbuild splits only ES modules. So it splits the program as those, and what it made is then put together again as
 * CommonJS: all but the parts into one file, which hands its chunks to the parts by name.
 *
 * @param options `outdir` is where the files go
 */
export declare function bundleParts(options: BuildOptions & {
    readonly outdir: string;
}, name: string, entry: string): Promise<void>;
