import { isIP } from 'node:net';
import { posix } from 'node:path';
import type { EngineSettings } from '../engine-settings.ts';
import { messageOf } from '../errors.ts';
import type { EngineFeatures } from '../machine-image.ts';
import { parseHookFile } from '../oci-hooks/hook-file.ts';
import { CORE } from '../paths.ts';
import type { EngineSection } from '../schema/manifest.gen.ts';
import { parseSize } from '../units.ts';
import type { Fault } from '../yaml/faults.ts';
import type { YamlDocument } from '../yaml/parse.ts';
import { quoted } from '../yaml/place.ts';
import { lastPlace } from './last-place.ts';
import type { FileSpec } from './manifest.ts';

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
  const { default_runtime: wanted, runtimes = ['crun'], log, tls } = raw;
  const faults: Fault[] = [];
  const report = (key: string, message: string, hint: string): void => {
    const place = lastPlace(documents, `/engine/${key}`, 'value');
    faults.push({ message: `engine.${key.replace('/', '.')}: ${message}`, place, hint });
  };
  if (wanted !== undefined && !runtimes.includes(wanted)) {
    const hint = `write runtimes: [${[...runtimes, wanted].join(', ')}]`;
    report('default_runtime', `${wanted} is not among the runtimes of the image`, hint);
  }
  if (log?.max_size !== undefined && parseSize(log.max_size) < 1) {
    report('log/max_size', 'a log cannot be of no size', 'write a size such as 10M');
  }
  if (tls?.host !== undefined && isIP(tls.host) === 0) {
    report('tls/host', `${quoted(tls.host)} is no address`, 'write one such as 192.0.2.1 or ::');
  }
  return faults;
}

/** OCI hooks among the files whose contents stand in the manifest; others are looked at when they are read. */
export function hookFaults(files: readonly FileSpec[]): Fault[] {
  return files.flatMap(file => {
    const isHook = CORE.hooks.some(folder => `/${posix.dirname(file.path)}` === folder);
    if (!isHook || file.kind !== 'contents' || !file.path.endsWith('.json')) return [];
    try {
      parseHookFile(file.contents, `/${file.path}`);
      return [];
    } catch (error) {
      return [{ message: messageOf(error), place: file.place, hint: 'see "Hooks" in docs/engine.md' }];
    }
  });
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
