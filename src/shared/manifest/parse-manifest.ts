import { dump } from 'js-yaml';
import { posix } from 'node:path';
import { canonicalJson } from '../digest.ts';
import { ToolError } from '../errors.ts';
import { schemaFaults, withoutRepeated } from '../schema/validate.ts';
import { checkServiceConfig } from '../service/config.ts';
import type { ServiceSection } from '../service/definition.ts';
import { type Fault, InputError, sortFaults } from '../yaml/faults.ts';
import { type YamlDocument, pointerTo, readYaml } from '../yaml/parse.ts';
import type { Place } from '../yaml/place.ts';
import { checkImageNames, checkOrder, withUniqueNames } from './check-services.ts';
import { engineFaults, engineFeatures, hookFaults } from './engine-section.ts';
import { parseFileSpec } from './file-spec.ts';
import { BUILTIN_IMAGES, type ImageSource, parseImageSource } from './image-source.ts';
import { manifestWarnings } from './lint.ts';
import {
  type FileSpec,
  type Manifest,
  type ManifestImage,
  type ManifestService,
  PLATFORMS,
  type RawManifest,
} from './manifest.ts';
import { mergeManifests } from './merge.ts';

export interface ManifestText {
  /** Path as the user gave it; messages show it, and relative paths inside are relative to its folder. */
  readonly name: string;
  readonly text: string;
}

export interface ParseManifestOptions {
  /** Names of built-in recipes. */
  readonly builtins?: readonly string[];
}

const SECTIONS: readonly ServiceSection[] = ['onboot', 'services', 'onshutdown'];
const REPLACED_INIT = /^docker\.io\/linuxkit\/(init|runc|containerd)[:@]/;

/** One file that fits the schema at least in part. */
interface Source {
  readonly document: YamlDocument;
  readonly raw: RawManifest;
  /** Whether the value at a pointer, and everything below it, fits the schema. */
  readonly isSound: (pointer: string) => boolean;
}

/** What a manifest says, as far as it could be read. */
export interface ManifestSurvey {
  /** Undefined where there are faults. */
  readonly manifest: Manifest | undefined;
  /** What could be read of the things on the build host that it names. */
  readonly parts: Pick<Manifest, 'init' | 'services' | 'files'>;
  /** Every fault of all files, in the order of a reader. */
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

/**
 * Reads a manifest from one or several files, merged in the order given. Throws InputError
 * MANIFEST_INVALID with every fault of all files; the warnings need no action.
 */
export function parseManifest(
  files: readonly ManifestText[],
  options: ParseManifestOptions = {},
): { manifest: Manifest; warnings: readonly Fault[] } {
  const { manifest, faults, warnings } = surveyManifest(files, options);
  if (manifest === undefined) throw new InputError('MANIFEST_INVALID', 'manifest', faults);
  return { manifest, warnings };
}

/** As `parseManifest`, but hands the faults back, for a caller that finds more of them elsewhere. */
export function surveyManifest(
  files: readonly ManifestText[],
  options: ParseManifestOptions = {},
): ManifestSurvey {
  const faults: Fault[] = [];
  const sources = files.flatMap(file => readSource(file, faults));
  const builtins = options.builtins ?? BUILTIN_IMAGES;
  const merged = faults.length === 0 ? mergeManifests(sources.map(source => source.raw)) : {};
  const warnings: Fault[] = [];

  const services = parseServices(sources, builtins, faults, warnings);
  checkOrder(services, faults);
  const init = parseInit(sources, builtins, faults, warnings);
  checkImageNames([...init, ...services.map(service => service.image)], faults);
  const ids = new Map(services.map(service => [service.name, service.id]));
  const parts = { init, services, files: parseFiles(sources, ids, merged, faults) };
  faults.push(...hookFaults(parts.files));
  const names = files.map(file => file.name);
  const documents = sources.map(source => source.document);
  if (faults.length === 0) faults.push(...engineFaults(merged.engine ?? {}, documents));
  if (faults.length > 0)
    return { manifest: undefined, parts, faults: sortFaults(faults, names), warnings: [] };

  const manifest = withDefaults(merged, nameOf(files), parts);
  warnings.push(...manifestWarnings(manifest, documents, builtins));
  return { manifest, parts, faults, warnings: sortFaults(warnings, names) };
}

/** Every default of the manifest's own keys; those of services are in `defineServices`. */
function withDefaults(
  raw: RawManifest,
  fallbackName: string,
  parsed: Pick<Manifest, 'init' | 'services' | 'files'>,
): Manifest {
  const name = raw.name ?? fallbackName;
  const { version, kernel = {} } = raw;
  return {
    name,
    ...(version === undefined ? {} : { version }),
    hostname: raw.hostname ?? name.replace(/[^a-z0-9-]/g, '-').replace(/^-+|-+$/g, ''),
    compression: raw.compression ?? 'zstd',
    rescue: raw.rescue ?? 'login',
    kernel: {
      ...(kernel.package === undefined ? {} : { package: kernel.package }),
      ...(kernel.cmdline === undefined ? {} : { cmdline: kernel.cmdline }),
      platforms: kernel.platforms ?? PLATFORMS,
      modules: kernel.modules ?? [],
      firmware: kernel.firmware ?? [],
    },
    ...parsed,
    engine: engineFeatures(raw.engine ?? {}),
    trust: { state: raw.trust?.state ?? 'fixed', datasources: raw.trust?.datasources ?? ['nocloud'] },
    state: { format: raw.state?.format ?? false },
    sysctl: textValues(raw.sysctl ?? {}),
    merged: raw,
  };
}

/** Values of a mapping as text. */
function textValues(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}

function nameOf(files: readonly ManifestText[]): string {
  const base = posix.basename(files[0]?.name.replaceAll('\\', '/') ?? '').replace(/\.ya?ml$/i, '');
  const name = base
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  return name.slice(0, 63).replace(/[^a-z0-9]+$/, '') || 'slipway';
}

function readSource(file: ManifestText, faults: Fault[]): Source[] {
  const read = readYaml(file.name, file.text, 'manifest');
  const { document } = read;
  if (document === undefined) {
    faults.push(...read.faults);
    return [];
  }
  if (document.value === undefined || document.value === null) {
    const hint = 'run "slipway init" for a manifest to start from';
    faults.push({ message: 'the manifest is empty', place: document.placeOf(''), hint });
    return [];
  }
  const found = schemaFaults('manifest', document);
  faults.push(...withoutRepeated(read.faults, found));
  if (typeof document.value !== 'object' || Array.isArray(document.value)) return [];
  const isSound = (pointer: string) =>
    !found.some(f => f.pointer === pointer || f.pointer.startsWith(`${pointer}/`));
  return [{ document, raw: document.value, isSound }];
}

function parseServices(
  sources: readonly Source[],
  builtins: readonly string[],
  faults: Fault[],
  warnings: Fault[],
): ManifestService[] {
  const found: Omit<ManifestService, 'id'>[] = [];
  for (const section of SECTIONS) {
    for (const { document, raw, isSound } of sources) {
      const list: unknown = raw[section];
      if (!Array.isArray(list)) continue;
      list.forEach((item: NonNullable<RawManifest['services']>[number], i) => {
        const pointer = `/${section}/${i}`;
        const placeOf = (below: string): Place => document.placeOf(`${pointer}${below}`);
        const { name, image: text, ...config } = Object(item) as typeof item;
        if (typeof name !== 'string' || !isSound(`${pointer}/name`)) return;
        // A service with faults still counts as a name that others can wait for.
        const image =
          isSound(`${pointer}/image`) && typeof text === 'string'
            ? parseImage(text, placeOf('/image'), builtins, faults)
            : undefined;
        const place = placeOf('/name');
        const source: ImageSource = image?.source ?? { kind: 'registry', reference: '', name: '' };
        const base = { name, section, place, placeOf, image: image ?? { text: '', source, place } };
        if (!isSound(pointer)) return found.push({ ...base, config: {} });
        checkServiceConfig(config, section, (below, message, hint) => {
          const at =
            below === '/ready' || below === '/restart'
              ? document.keyPlaceOf(pointer + below)
              : placeOf(below);
          faults.push({
            message: `${section} ${JSON.stringify(name)}: ${message}`,
            place: at,
            ...(hint ? { hint } : {}),
          });
        });
        return found.push({ ...base, config });
      });
    }
  }
  return withUniqueNames(found, faults, warnings);
}

function parseInit(
  sources: readonly Source[],
  builtins: readonly string[],
  faults: Fault[],
  warnings: Fault[],
): ManifestImage[] {
  return sources.flatMap(({ document, raw, isSound }) => {
    if (!Array.isArray(raw.init)) return [];
    return raw.init.flatMap((text, i) => {
      const pointer = pointerTo('/init', i);
      if (!isSound(pointer)) return [];
      const image = parseImage(text, document.placeOf(pointer), builtins, faults);
      if (image?.source.kind !== 'registry' || !REPLACED_INIT.test(image.source.reference))
        return image ?? [];
      const message = `${text} is left out: Slipway's own PID 1, runtime and supervisor take its place`;
      warnings.push({ message, place: image.place, hint: 'remove it from init' });
      return [];
    });
  });
}

function parseImage(
  text: string,
  place: Place,
  builtins: readonly string[],
  faults: Fault[],
): ManifestImage | undefined {
  try {
    return { text, source: parseImageSource(text, builtins), place };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    faults.push({ message: error.message, place, ...(error.hint === undefined ? {} : { hint: error.hint }) });
    return undefined;
  }
}

function parseFiles(
  sources: readonly Source[],
  ids: ReadonlyMap<string, number>,
  merged: RawManifest,
  faults: Fault[],
): FileSpec[] {
  const metadata = (format: 'yaml' | 'json'): string => {
    const ordered: unknown = JSON.parse(canonicalJson(merged));
    return format === 'json' ? `${JSON.stringify(ordered, null, 2)}\n` : dump(ordered, { lineWidth: -1 });
  };
  return sources.flatMap(({ document, raw, isSound }) => {
    if (!Array.isArray(raw.files)) return [];
    return raw.files.flatMap((file, i) => {
      const pointer = pointerTo('/files', i);
      if (!isSound(pointer)) return [];
      const place = document.placeOf(`${pointer}/path`);
      const sourcePlace = document.placeOf(`${pointer}/source`);
      const context = { place, sourcePlace, ids, metadata };
      const spec = parseFileSpec(file, context, (below, message, hint) =>
        faults.push({
          message: `file ${JSON.stringify(file.path)}: ${message}`,
          place: document.placeOf(pointer + below),
          ...(hint ? { hint } : {}),
        }),
      );
      return spec ?? [];
    });
  });
}
