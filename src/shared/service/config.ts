import { posix } from 'node:path';
import type { ServiceConfig } from '../schema/manifest.gen.ts';
import type { ServiceSection } from './definition.ts';

/** Reports a fault of a service's configuration; the pointer is below the configuration. */
export type ReportFault = (pointer: string, message: string, hint?: string) => void;

/** Label of an image that holds the keys of a service, in LinuxKit's two spellings; the first wins. */
export const CONFIG_LABELS: readonly string[] = ['org.mobyproject.config', 'org.mobylinux.config'];

const READY_KINDS = ['exec', 'tcp', 'file', 'http', 'log', 'notify'] as const;
const DEFAULT_DESTINATIONS: Readonly<Record<string, string>> = {
  proc: '/proc',
  sysfs: '/sys',
  devpts: '/dev/pts',
  mqueue: '/dev/mqueue',
  cgroup: '/sys/fs/cgroup',
  cgroup2: '/sys/fs/cgroup',
};

/** RancherOS's names -> ours. */
const RANCHER_NAMES: Readonly<Record<string, string>> = {
  'cloud-init': 'config',
  'cloud-init-execute': 'config',
};

/** What a schema cannot say about a service's keys. */
export function checkServiceConfig(
  config: ServiceConfig,
  section: ServiceSection | undefined,
  report: ReportFault,
): void {
  const oneshot = section !== undefined && section !== 'services';
  for (const key of ['capabilities', 'capabilities.add', 'ambient'] as const) {
    const list = config[key] ?? [];
    const word = list.find(name => name === 'all' || name === 'none');
    if (word !== undefined && list.length > 1) {
      report(`/${key}/${list.indexOf(word)}`, `"${word}" stands beside other capabilities`, 'write it alone');
    }
  }
  for (const key of ['binds', 'binds.add'] as const) {
    (config[key] ?? []).forEach((bind, i) => {
      if (bind.startsWith('/')) return;
      const source = bind.slice(0, bind.indexOf(':'));
      const hint = 'a source is an absolute path on the machine, such as /state/NAME';
      report(`/${key}/${i}`, `${JSON.stringify(source)} would be a volume: not supported yet`, hint);
    });
  }
  (config.mounts ?? []).forEach((mount, i) => {
    if (resolveMount(mount)) return;
    const wanted = mount.destination === undefined ? 'destination' : 'type or source';
    report(
      `/mounts/${i}`,
      `a mount without ${wanted}`,
      `add "${wanted === 'destination' ? wanted : 'type'}:"`,
    );
  });
  if (config.user !== undefined && (config.uid !== undefined || config.gid !== undefined)) {
    report('/user', 'user and uid or gid are both given', 'keep "user", or "uid" and "gid"');
  }
  if (config.pid === 'pod' && config.pod === undefined) {
    report('/pid', '"pid: pod" without "pod"', 'name the service in "pod"');
  }
  checkReady(config, oneshot, report);
  if (
    oneshot &&
    restartPolicyOf(config) !== undefined &&
    !/^(no|on-failure)/.test(restartPolicyOf(config) ?? '')
  ) {
    report(
      '/restart',
      `${section} is for oneshots, which are not started again when they exit with 0`,
      'use "no" or "on-failure"',
    );
  }
}

function checkReady(config: ServiceConfig, oneshot: boolean, report: ReportFault): void {
  const { ready } = config;
  if (ready === undefined) return;
  if (oneshot)
    report('/ready', 'a oneshot is up when it has exited with 0; it has no "ready"', 'remove "ready"');
  if (ready === 'notify' || ready.notify !== undefined) {
    report('/ready', 'readiness by notify is not supported yet', 'use tcp, file, http, log or exec');
  }
  if (typeof ready === 'string') return;
  const kinds = READY_KINDS.filter(kind => ready[kind] !== undefined);
  if (kinds.length !== 1) {
    const found = kinds.length === 0 ? 'none' : kinds.join(' and ');
    report(
      '/ready',
      `ready takes exactly one of ${READY_KINDS.join(', ')}; found ${found}`,
      'keep one of them',
    );
  }
  if (typeof ready.tcp === 'string' && Number(/:(\d+)$/.exec(ready.tcp)?.[1] ?? 0) > 65535) {
    report('/ready/tcp', `${JSON.stringify(ready.tcp)} has no such port`, 'ports go from 1 to 65535');
  }
  if (ready.log !== undefined) {
    try {
      new RegExp(ready.log, 'u');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      report(
        '/ready/log',
        `not a regular expression: ${reason}`,
        'put "\\" before signs that mean themselves',
      );
    }
  }
}

/** The word of a restart policy, however it is written. */
export function restartPolicyOf(config: ServiceConfig): string | undefined {
  return typeof config.restart === 'object' ? config.restart.policy : config.restart;
}

type Mount = NonNullable<ServiceConfig['mounts']>[number];

/** A mount with type, source and destination filled in as LinuxKit does; undefined if they cannot be told. */
export function resolveMount(
  mount: Mount,
): { type: string; source: string; destination: string; options: readonly string[] } | undefined {
  const bySource = mount.source?.startsWith('/') ? 'bind' : mount.source;
  const byDestination = Object.entries(DEFAULT_DESTINATIONS).find(
    ([, path]) => path === mount.destination,
  )?.[0];
  const type =
    mount.type ??
    (bySource === 'sys' ? 'sysfs' : bySource) ??
    (mount.destination === '/dev' ? 'tmpfs' : byDestination);
  const destination = mount.destination ?? (type === undefined ? undefined : DEFAULT_DESTINATIONS[type]);
  if (type === undefined || type === '' || destination === undefined) return undefined;
  return { type, source: mount.source ?? type, destination, options: mount.options ?? [] };
}

/** `after` and `before` with RancherOS's labels read into them; `pointer` tells where each name stands. */
export function orderOf(config: ServiceConfig): { after: string[]; before: string[] } {
  const of = (key: 'after' | 'before'): string[] => {
    const label = config.labels?.[`io.rancher.os.${key}`];
    const labelled = String(label ?? '')
      .split(',')
      .map(name => name.trim())
      .filter(name => name !== '')
      .map(name => RANCHER_NAMES[name] ?? name);
    return [...new Set([...(config[key] ?? []), ...labelled])];
  };
  return { after: of('after'), before: of('before') };
}

/** Where a name of `orderOf` stands in the configuration. */
export function orderPointer(config: ServiceConfig, key: 'after' | 'before', target: string): string {
  const index = (config[key] ?? []).indexOf(target);
  if (index !== -1) return `/${key}/${index}`;
  return config.labels?.[`io.rancher.os.${key}`] === undefined ? '' : `/labels/io.rancher.os.${key}`;
}

/**
 * One configuration over another: a key replaces the whole value below it; `binds.add` and
 * `capabilities.add` add to what is below, each item once.
 */
export function mergeServiceConfig(base: ServiceConfig, over: ServiceConfig): ServiceConfig {
  const { 'binds.add': addedBinds, 'capabilities.add': addedCapabilities, ...rest } = over;
  const { 'binds.add': baseBinds = [], 'capabilities.add': baseCapabilities = [], ...below } = base;
  const merged: ServiceConfig = { ...below, ...rest };
  const binds = [...(over.binds ?? [...(base.binds ?? []), ...baseBinds]), ...(addedBinds ?? [])];
  if (over.binds !== undefined || binds.length > 0) merged.binds = [...new Set(binds)];
  const capabilities = [
    ...(over.capabilities ?? [...(base.capabilities ?? []), ...baseCapabilities]),
    ...(addedCapabilities ?? []),
  ];
  if (over.capabilities !== undefined || capabilities.length > 0) {
    const named = capabilities.filter(name => name !== 'none');
    merged.capabilities = named.includes('all') ? ['all'] : [...new Set(named)];
  }
  return merged;
}

/** Destinations of binds and tmpfs that occur more than once, where the later hides the earlier. */
export function repeatedDestinations(config: ServiceConfig): string[] {
  const binds = [...(config.binds ?? []), ...(config['binds.add'] ?? [])].map(
    bind => bind.split(':')[1] ?? '',
  );
  const others = [
    ...(config.tmpfs ?? []).map(entry => entry.split(':')[0] ?? ''),
    ...(config.mounts ?? []).map(mount => resolveMount(mount)?.destination ?? ''),
  ];
  const all = [...binds, ...others].filter(path => path !== '').map(path => posix.normalize(`${path}/`));
  return [...new Set(all.filter((path, i) => all.indexOf(path) !== i))].map(path => path.slice(0, -1) || '/');
}
