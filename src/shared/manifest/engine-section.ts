import type { EngineSettings } from '../engine-settings.ts';
import type { EngineFeatures } from '../machine-image.ts';
import type { EngineSection } from '../schema/manifest.gen.ts';
import type { Fault } from '../yaml/faults.ts';
import type { YamlDocument } from '../yaml/parse.ts';
import { lastPlace } from './last-place.ts';

const DEFAULT_TLS_PORT = 2376;

/** The manifest's `engine` with every default filled in. */
export function engineFeatures(raw: EngineSection): EngineFeatures {
  return {
    images: raw.images ?? true,
    networks: raw.networks ?? true,
    runtimes: raw.runtimes ?? ['crun'],
    settings: settingsOf(raw),
  };
}

/** What a schema cannot see. */
export function engineFaults(raw: EngineSection, documents: readonly YamlDocument[]): Fault[] {
  const { default_runtime: wanted, runtimes = ['crun'] } = raw;
  if (wanted === undefined || runtimes.includes(wanted)) return [];
  return [
    {
      message: `engine.default_runtime: ${wanted} is not among the runtimes of the image`,
      place: lastPlace(documents, '/engine/default_runtime', 'value'),
      hint: `write runtimes: [${[...runtimes, wanted].join(', ')}]`,
    },
  ];
}

function settingsOf(raw: EngineSection): EngineSettings {
  const { tls, log, registries } = raw;
  const options = {
    ...(log?.max_size === undefined ? {} : { 'max-size': String(log.max_size) }),
    ...(log?.max_file === undefined ? {} : { 'max-file': String(log.max_file) }),
  };
  const defaultRuntime = raw.default_runtime ?? raw.runtimes?.[0];
  return {
    ...(defaultRuntime === undefined ? {} : { defaultRuntime }),
    ...(registries === undefined ? {} : { registries }),
    ...(log === undefined ? {} : { log: { options } }),
    ...(tls === undefined
      ? {}
      : { tls: { host: tls.host ?? '0.0.0.0', port: tls.port ?? DEFAULT_TLS_PORT } }),
  };
}
