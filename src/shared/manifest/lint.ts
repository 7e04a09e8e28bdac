import { repeatedDestinations } from '../service/config.ts';
import { labelsWithoutEffect } from '../service/rancher-labels.ts';
import { parseDuration } from '../units.ts';
import type { Fault } from '../yaml/faults.ts';
import type { YamlDocument } from '../yaml/parse.ts';
import { quoted } from '../yaml/place.ts';
import { BUILTIN_IMAGES, nearBuiltin } from './image-source.ts';
import { lastPlace } from './last-place.ts';
import { type Manifest, type ManifestService, manifestImages } from './manifest.ts';

/** Folders that are empty file systems of their own once the machine runs. */
const SHADOWED = /^(run|proc|sys|dev|tmp)\//;

/** Of system-docker's TLS port (shared/paths.ts). */
const TLS_KEY = 'etc/system-docker/tls/server-key.pem';

/** What is allowed but seldom meant: traps of LinuxKit and RancherOS manifests, each with its place. */
export function manifestWarnings(
  manifest: Manifest,
  documents: readonly YamlDocument[],
  builtins: readonly string[] = BUILTIN_IMAGES,
): Fault[] {
  return [
    ...consoleWarnings(manifest, documents),
    ...trustWarnings(manifest, documents),
    ...fileWarnings(manifest),
    ...imageWarnings(manifest, builtins),
    ...manifest.services.flatMap(serviceWarnings),
  ];
}

function consoleWarnings(manifest: Manifest, documents: readonly YamlDocument[]): Fault[] {
  const { cmdline } = manifest.kernel;
  if (cmdline === undefined) return [];
  const place = lastPlace(documents, '/kernel/cmdline', 'value');
  const consoles = [...cmdline.matchAll(/(?:^|\s)console=([^\s,]*)/g)].map(match => match[1] ?? '');
  const last = consoles.at(-1);
  if (last === undefined) {
    const message = 'the kernel command line has no "console=": a serial console shows nothing';
    return [{ message, place, hint: 'add console=ttyS0,115200, or remove "cmdline" for the default' }];
  }
  if (consoles.length > 1 && /^tty\d*$/.test(last)) {
    const message = `the last "console=" is ${last}: /dev/console is the screen, and a serial console misses what is written there`;
    return [{ message, place, hint: `put console=${last} before the others` }];
  }
  return [];
}

function trustWarnings(manifest: Manifest, documents: readonly YamlDocument[]): Fault[] {
  return (['image', 'org'] as const).flatMap(key => {
    if (manifest.merged.trust?.[key] === undefined) return [];
    const place = lastPlace(documents, `/trust/${key}`, 'key');
    const message = `trust.${key} has no effect: every input is pinned by its digest in the lock`;
    return [{ message, place, hint: 'remove it' }];
  });
}

function fileWarnings(manifest: Manifest): Fault[] {
  const seen = new Set<string>();
  return manifest.files.flatMap(file => {
    const { path, place } = file;
    const warnings: Fault[] = [];
    if (path === TLS_KEY || (file.kind === 'contents' && file.contents.includes('PRIVATE KEY-----'))) {
      const message = `/${path} is a private key: whoever has the image has it too`;
      const hint = path === TLS_KEY ? 'put it into /state/system-docker/etc/tls on the machine' : undefined;
      warnings.push({ message, place, ...(hint === undefined ? {} : { hint }) });
    }
    const shadowed = SHADOWED.exec(path)?.[1];
    if (shadowed !== undefined) {
      const message = `/${path} is not seen on the machine: another file system is mounted on /${shadowed}`;
      warnings.push({ message, place, hint: 'choose another folder' });
    }
    if (seen.has(path)) warnings.push({ message: `/${path} is given twice: the later one wins`, place });
    seen.add(path);
    return warnings;
  });
}

/** Images of a registry that look like a misspelt name of a built-in one. */
function imageWarnings(manifest: Manifest, builtins: readonly string[]): Fault[] {
  return manifestImages(manifest).flatMap(({ text, source, place }) => {
    const near = source.kind === 'registry' ? nearBuiltin(text, builtins) : undefined;
    if (near === undefined) return [];
    const message = `image ${quoted(text)} is one of a registry: ${source.name}`;
    return [{ message, place, hint: `did you mean ${quoted(near)}? Else write ${quoted(source.name)}` }];
  });
}

/** What all services together have at the end (machine/boot/daemon.ts). */
const ALL_GRACE_MS = 50_000;

function serviceWarnings({ name, config, placeOf }: ManifestService): Fault[] {
  const warnings: Fault[] = repeatedDestinations(config).map(path => ({
    message: `${JSON.stringify(name)}: two mounts have the destination ${path}: the later one hides the earlier`,
    place: placeOf(config.binds ? '/binds' : config['binds.add'] ? '/binds.add' : '/mounts'),
    hint: 'remove one of the two',
  }));
  if (config.stop?.grace !== undefined && parseDuration(config.stop.grace) > ALL_GRACE_MS) {
    warnings.push({
      message: `${JSON.stringify(name)}: when the machine goes down, all services together have ${ALL_GRACE_MS / 1000} s`,
      place: placeOf('/stop/grace'),
      hint: 'a service that needs longer may be killed',
    });
  }
  for (const { label, hint } of labelsWithoutEffect(config)) {
    warnings.push({
      message: `${JSON.stringify(name)}: the label ${label} has no effect`,
      place: placeOf(`/labels/${label}`),
      hint,
    });
  }
  return warnings;
}
