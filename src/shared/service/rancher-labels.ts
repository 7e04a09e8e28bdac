/**
 * RancherOS's labels, which are another spelling of keys of a service: `after` and `before` add to the keys of that
 * name, `detach: false` is `ready: exit`, `createonly: true` is `autostart: false`. A key that is written wins.
 */
import type { ServiceConfig } from '../schema/manifest.gen.ts';

const PREFIX = 'io.rancher.os.';

/** RancherOS's names of services -> conditions. */
const CONDITION_NAMES: Readonly<Record<string, string>> = {
  'cloud-init': 'config',
  'cloud-init-execute': 'config',
};

/** Labels of RancherOS without a meaning here -> what to do instead. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  reloadconfig: 'use "after: [config]" in the services that need it',
  scope: 'every service of a manifest is a system service',
  console: 'remove it',
};

/** `after` and `before` with the labels read into them. */
export function orderOf(config: ServiceConfig): { after: string[]; before: string[] } {
  const of = (key: 'after' | 'before'): string[] => {
    const labelled = (labelOf(config, key) ?? '')
      .split(',')
      .map(name => name.trim())
      .filter(name => name !== '')
      .map(name => CONDITION_NAMES[name] ?? name);
    return [...new Set([...(config[key] ?? []), ...labelled])];
  };
  return { after: of('after'), before: of('before') };
}

/** Where a name that `orderOf` answers, or that `pod` holds, stands in the configuration. */
export function orderPointer(config: ServiceConfig, key: 'after' | 'before' | 'pod', target: string): string {
  if (key === 'pod') return config.pod === undefined ? '' : '/pod';
  const index = (config[key] ?? []).indexOf(target);
  if (index !== -1) return `/${key}/${index}`;
  return labelOf(config, key) === undefined ? '' : `/labels/${PREFIX}${key}`;
}

/** When it counts as up. */
export function readyOf(config: ServiceConfig): ServiceConfig['ready'] {
  if (config.ready !== undefined) return config.ready;
  return labelOf(config, 'detach') === 'false' ? 'exit' : undefined;
}

/** Whether the boot starts it. */
export function autostartOf(config: ServiceConfig): boolean {
  return config.autostart ?? labelOf(config, 'createonly') !== 'true';
}

/** Labels that a manifest of RancherOS may have and that do nothing here, each with a hint. */
export function labelsWithoutEffect(config: ServiceConfig): { label: string; hint: string }[] {
  return Object.entries(WITHOUT_EFFECT).flatMap(([key, hint]) => {
    const value = labelOf(config, key);
    const isMeant = value === undefined || value === 'false' || (key === 'scope' && value === 'system');
    return isMeant ? [] : [{ label: PREFIX + key, hint }];
  });
}

/** Whoever wrote it may have written a text, a number or a truth value. */
function labelOf(config: ServiceConfig, key: string): string | undefined {
  const value = config.labels?.[PREFIX + key];
  return value === undefined ? undefined : String(value).trim().toLowerCase();
}
