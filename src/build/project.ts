import { open } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type Digest, digestOf, hexOf } from '../shared/digest.ts';
import { ToolError, isSystemError } from '../shared/errors.ts';
import type { EmitEvent } from '../shared/events.ts';
import {
  type ImageSource,
  type Manifest,
  type Recipe,
  manifestDigest,
  manifestImages,
  surveyManifest,
} from '../shared/manifest/index.ts';
import { decodeText } from '../shared/yaml/decode.ts';
import { defineServices } from '../shared/service/define.ts';
import { InputError, formatFault, sortFaults } from '../shared/yaml/faults.ts';
import type { Place } from '../shared/yaml/place.ts';
import { collectFiles, recipeFacts } from './machine-description.ts';
import { expandHome, hostFileError, hostFileFaults } from './manifest-files.ts';
import { loadRecipe } from './recipe-folder.ts';

/** A manifest with everything on the build host that it refers to, read and checked. */
export interface Project {
  readonly manifest: Manifest;
  readonly manifestDigest: Digest;
  /** What the file names in places of the manifest are relative to. */
  readonly workingDirectory: string;
  /** Folder of the first manifest file. */
  readonly folder: string;
  /** The manifest files as the user named them; empty where none was named. */
  readonly names: readonly string[];
  /** Absolute; see `lockName`. */
  readonly lockPath: string;
  /** Digest of what each `source` of `files` brings, by its path in the image. */
  readonly sources: Readonly<Record<string, Digest>>;
  /** `files: source:` may name files outside the folder. */
  readonly allowHostFiles: boolean;
  /** By the image's name in the image store. */
  readonly recipes: ReadonlyMap<string, LoadedRecipe>;
}

export interface LoadedRecipe {
  readonly recipe: Recipe;
  readonly folder: string;
  /** Of the recipe's text and of every file of its folder. */
  readonly digest: Digest;
}

export interface ProjectOptions {
  /** Manifest files as the user named them; none means slipway.yml. */
  readonly manifests: readonly string[];
  readonly workingDirectory: string;
  readonly packageRoot: string;
  readonly allowHostFiles: boolean;
  /** HOME is where `~/` of a source leads, where files of the build host are allowed. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly emit: EmitEvent;
}

const DEFAULT_MANIFEST = 'slipway.yml';
/** As docs/manifest.md says. */
const MAX_MANIFEST_BYTES = 1024 ** 2;

/**
 * Reads manifests and recipes. Throws MANIFEST_NOT_FOUND, TEXT_NOT_UTF8, MANIFEST_INVALID with every fault of
 * the manifests (paths among them) or of their services with what recipes say, FILE_MISSING or HOST_FILE_REFUSED with
 * every path that is not there or may not be read, RECIPE_* with the faults of all recipes, FILE_* for what is below
 * a `source`.
 */
export async function loadProject(options: ProjectOptions): Promise<Project> {
  const names = options.manifests.length > 0 ? options.manifests : [DEFAULT_MANIFEST];
  const paths = names.map(name => resolve(options.workingDirectory, name));
  const files = await Promise.all(
    paths.map(async path => {
      const name = shownPath(path, options.workingDirectory);
      return { name, text: await readManifest(path, name) };
    }),
  );
  const survey = surveyManifest(files);
  const home = options.allowHostFiles ? options.environment?.HOME : undefined;
  const parts = expandHome(survey.parts, home);
  const missing = await hostFileFaults(parts, options);
  if (survey.manifest === undefined) {
    const faults = sortFaults(
      [...survey.faults, ...missing],
      files.map(file => file.name),
    );
    throw new InputError('MANIFEST_INVALID', 'manifest', faults);
  }
  const manifest = { ...survey.manifest, files: parts.files };
  for (const warning of survey.warnings) options.emit({ type: 'warning', message: formatFault(warning) });
  if (missing.length > 0) throw hostFileError(missing);
  const first = paths[0] ?? '';
  const lockPath = join(dirname(first), lockName(paths));
  const read = {
    manifest,
    allowHostFiles: options.allowHostFiles,
    manifestDigest: manifestDigest(manifest),
    workingDirectory: options.workingDirectory,
    folder: dirname(first),
    names: options.manifests,
    lockPath,
    recipes: await loadRecipes(manifest, options, lockPath),
  };
  // So that what is wrong with services, or with a source, is told before anything is fetched.
  defineServices(manifest, ({ source }) => recipeFacts(read, source.name));
  const { sources } = await collectFiles(read, 0);
  return { ...read, sources };
}

/** Longer names of files are refused by most file systems; a lock is written under another name first. */
const MAX_LOCK_NAME_BYTES = 200;

/**
 * Name of the lock beside the first manifest: `a.lock` for a.yml, `a+b.lock` for a.yml joined with b.yml, so that
 * each way to join manifests keeps its own.
 */
export function lockName(manifests: readonly string[]): string {
  const stems = manifests.map(path => basename(path).replace(/\.ya?ml$/, ''));
  const joined = stems.join('+');
  if (stems.length < 2 || Buffer.byteLength(joined) <= MAX_LOCK_NAME_BYTES) return `${joined}.lock`;
  return `${stems[0]}+${hexOf(digestOf(joined)).slice(0, 16)}.lock`;
}

/** The folder or file on the build host that an image's `path` means, absolute. */
export function imagePath(workingDirectory: string, place: Place, path: string): string {
  return resolve(workingDirectory, dirname(place.file), path);
}

async function loadRecipes(
  manifest: Manifest,
  options: ProjectOptions,
  lockPath: string,
): Promise<Map<string, LoadedRecipe>> {
  const recipes = new Map<string, LoadedRecipe>();
  const errors = new Map<string, { readonly error: ToolError; readonly place: Place }>();
  for (const { source, place } of manifestImages(manifest)) {
    if (recipes.has(source.name) || errors.has(source.name)) continue;
    try {
      const recipe = await findRecipe(source, place, options, lockPath);
      if (recipe) recipes.set(source.name, recipe);
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      errors.set(source.name, { error, place });
    }
  }
  const [first, ...others] = errors.values();
  if (first && others.length === 0) throw first.error;
  if (first) {
    const faults = [first, ...others].flatMap(({ error, place }) =>
      error instanceof InputError
        ? error.faults
        : [{ message: error.message, place, ...(error.hint === undefined ? {} : { hint: error.hint }) }],
    );
    throw new InputError(first.error.code, 'manifest with its recipes', faults, first.error.kind);
  }
  return recipes;
}

/** The recipe that an image is made by; undefined for one from elsewhere. */
async function findRecipe(
  source: ImageSource,
  place: Place,
  options: ProjectOptions,
  lockPath: string,
): Promise<LoadedRecipe | undefined> {
  if (source.kind === 'builtin-recipe') {
    const folder = join(options.packageRoot, 'system-images', source.recipe);
    return loadRecipe(source.recipe, folder, source.name);
  }
  if (source.kind !== 'recipe-folder') return undefined;
  const folder = imagePath(options.workingDirectory, place, source.path);
  return loadRecipe(source.path, folder, source.path, lockPath);
}

/** @param name for messages */
async function readManifest(path: string, name: string): Promise<string> {
  try {
    return decodeText(name, await readAtMost(path, MAX_MANIFEST_BYTES));
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'EISDIR', 'EACCES', 'ENOTDIR')) throw error;
    const what =
      error.code === 'EISDIR'
        ? 'it is a folder'
        : error.code === 'EACCES'
          ? 'permission denied'
          : 'there is no such file';
    throw new ToolError(`reading the manifest ${path}: ${what}`, {
      code: 'MANIFEST_NOT_FOUND',
      kind: 'not-found',
      hint:
        basename(path) === DEFAULT_MANIFEST
          ? 'run "slipway init" for a starter manifest, or name one'
          : 'check the path',
    });
  }
}

/** Reads also what has no length of its own (`<(generate)`). */
async function readAtMost(path: string, limitBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  await using file = await open(path, 'r');
  for await (const piece of file.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
    sizeBytes += piece.length;
    if (sizeBytes > limitBytes) {
      throw new ToolError(
        `reading ${path}: it is longer than ${limitBytes / 1024 ** 2} MiB, which no manifest is`,
        {
          code: 'MANIFEST_TOO_LARGE',
          kind: 'invalid-input',
          hint: 'name the manifest, not an artifact',
        },
      );
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Relative where that is shorter, as compilers show files. */
function shownPath(path: string, workingDirectory: string): string {
  const short = relative(workingDirectory, path);
  return short.startsWith('..') ? path : short;
}
