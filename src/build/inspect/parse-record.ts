import { type Arch, ARCHES } from '../../shared/arch.ts';
import { ToolError } from '../../shared/errors.ts';
import type { AssembledPackage } from '../assemble/inputs.ts';
import type { BuildRecord, RecordedImage } from './build-record.ts';

/**
 * The record in an artifact, which may be anybody's. Unknown keys are left out. Throws RECORD_INVALID.
 *
 * @param source for messages: the artifact
 */
export function parseBuildRecord(text: string, source: string): BuildRecord {
  const read = new Reader(source);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw read.fault('it is not JSON', error);
  }
  const record = read.object(json, 'the record');
  if (record.schema !== 1) throw read.fault(`its schema ${JSON.stringify(record.schema)} is not known`);
  const kernel = read.object(record.kernel, 'kernel');
  const string = (key: string): string => read.string(record[key], key);
  return {
    schema: 1,
    name: string('name'),
    version: string('version'),
    slipwayVersion: string('slipwayVersion'),
    arch: read.arch(record.arch),
    buildId: string('buildId'),
    epoch: read.size(record.epoch, 'epoch', MAX_EPOCH),
    kernel: {
      release: read.string(kernel.release, 'kernel.release'),
      package: read.string(kernel.package, 'kernel.package'),
      version: read.string(kernel.version, 'kernel.version'),
      cmdline: read.string(kernel.cmdline, 'kernel.cmdline'),
      modules: read.size(kernel.modules, 'kernel.modules'),
      missingFirmware: read.strings(kernel.missingFirmware, 'kernel.missingFirmware'),
    },
    node: string('node'),
    services: read.list(record.services, 'services').map(item => {
      const service = read.object(item, 'services');
      return {
        name: read.string(service.name, 'services.name'),
        section: read.string(service.section, 'services.section'),
        image: read.string(service.image, 'services.image'),
      };
    }),
    images: read.list(record.images, 'images').map((item): RecordedImage => {
      const image = read.object(item, 'images');
      return {
        name: read.string(image.name, 'images.name'),
        id: read.string(image.id, 'images.id'),
        services: read.strings(image.services, 'images.services'),
        sizeBytes: read.size(image.sizeBytes, 'images.sizeBytes'),
        packages: read.packages(image.packages, 'images.packages'),
      };
    }),
    corePackages: read.packages(record.corePackages, 'corePackages'),
    initrdPackages: read.packages(record.initrdPackages, 'initrdPackages'),
    parts: Object.fromEntries(
      Object.entries(read.object(record.parts, 'parts')).map(([name, sizeBytes]) => [
        name,
        read.size(sizeBytes, 'parts'),
      ]),
    ),
  };
}

/** The last second that a `Date` can name. */
const MAX_EPOCH = 8_640_000_000_000;

/** Checks of single values; each names where it was. */
class Reader {
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  object(value: unknown, where: string): Readonly<Record<string, unknown>> {
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw this.fault(`${where} is not an object`);
    return value as Record<string, unknown>;
  }

  list(value: unknown, where: string): readonly unknown[] {
    if (!Array.isArray(value)) throw this.fault(`${where} is not a list`);
    return value as unknown[];
  }

  string(value: unknown, where: string): string {
    if (typeof value !== 'string') throw this.fault(`${where} is not text`);
    return value;
  }

  strings(value: unknown, where: string): string[] {
    return this.list(value, where).map(item => this.string(item, where));
  }

  size(value: unknown, where: string, limit = Number.MAX_SAFE_INTEGER): number {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > limit)
      throw this.fault(`${where} is not a whole number`);
    return value;
  }

  arch(value: unknown): Arch {
    const arch = ARCHES.find(known => known === value);
    if (!arch) throw this.fault(`its arch ${JSON.stringify(value)} is not known`);
    return arch;
  }

  packages(value: unknown, where: string): AssembledPackage[] {
    return this.list(value, where).map(item => {
      const pkg = this.object(item, where);
      return {
        name: this.string(pkg.name, `${where}.name`),
        version: this.string(pkg.version, `${where}.version`),
        sizeBytes: this.size(pkg.sizeBytes, `${where}.sizeBytes`),
        skippedScripts: this.strings(pkg.skippedScripts, `${where}.skippedScripts`),
      };
    });
  }

  fault(what: string, cause?: unknown): ToolError {
    return new ToolError(`reading the build record of ${this.#source}: ${what}`, {
      code: 'RECORD_INVALID',
      kind: 'invalid-input',
      hint: 'it is damaged, or was made by another version of slipway',
      cause,
    });
  }
}
