import { posix } from 'node:path';
import type { ServiceConfig } from '../schema/manifest.gen.ts';
import { parseSize } from '../units.ts';
import { MIN_MEMORY_BYTES, type ServiceSection } from './definition.ts';
import { checkNamespaced } from './own-namespaces.ts';
import { autostartOf, readyOf } from './rancher-labels.ts';
import { isSignal } from './signals.ts';

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

/** What a schema cannot say about a service's keys. */
export function checkServiceConfig(
  config: ServiceConfig,
  section: ServiceSection | undefined,
  report: ReportFault,
): void {
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
  if (config.user !== undefined && config.uid !== undefined) {
    report('/user', 'user and uid are both given', 'keep "user", or "uid" and "gid"');
  }
  if (config.user?.includes(':') === true && config.gid !== undefined) {
    report('/gid', '"user" names a group, and gid is given too', 'keep one of the two');
  }
  const signal = config.stop?.signal;
  if (signal !== undefined && !isSignal(signal)) {
    const message = `${JSON.stringify(signal)} is no signal`;
    report('/stop/signal', message, 'use a name such as TERM, INT, QUIT or RTMIN+3');
  }
  checkNamespaced(config, report);
  if (config.pid === 'pod' && config.pod === undefined) {
    report('/pid', '"pid: pod" without "pod"', 'name the service in "pod"');
  }
  for (const key of ['net', 'ipc', 'uts', 'hostname'] as const) {
    if (config.pod === undefined || config[key] === undefined) continue;
    report(`/${key}`, `pod and ${key} are both given`, `"pod" decides over it; remove "${key}"`);
  }
  checkMemory(config, report);
  checkReady(config, section, report);
  checkOneshot(config, section, report);
}

/** A number without a unit is one of bytes, which is hardly ever meant. */
function checkMemory({ limits, resources }: ServiceConfig, report: ReportFault): void {
  for (const [pointer, written] of [
    ['/limits/memory', limits?.memory],
    ['/resources/memory/limit', resources?.memory?.limit],
  ] as const) {
    if (written === undefined || parseSize(written) >= MIN_MEMORY_BYTES) continue;
    const hint =
      pointer === '/limits/memory' ? 'write a number and a unit, such as 64M' : 'it is a number of bytes';
    report(pointer, `${written} is less than the 6M that a container needs at least`, hint);
  }
}

/** A oneshot ends: every container of `onboot` and `onshutdown`, and a service with `ready: exit`. */
function checkOneshot(config: ServiceConfig, section: ServiceSection | undefined, report: ReportFault): void {
  const isSectionOfOneshots = section === 'onboot' || section === 'onshutdown';
  if (isSectionOfOneshots && !autostartOf(config)) {
    const pointer = config.autostart === undefined ? '/labels' : '/autostart';
    report(pointer, `${section} runs each of its containers`, 'move it to "services"');
  }
  const policy = restartPolicyOf(config);
  if (policy === undefined || /^(no|on-failure)/.test(policy)) return;
  if (isSectionOfOneshots || readyOf(config) === 'exit') {
    const what = isSectionOfOneshots ? `${section} is for oneshots` : '"ready: exit" makes it a oneshot';
    report(
      '/restart',
      `${what}, which are not started again when they exit with 0`,
      'use "no" or "on-failure"',
    );
  }
}

function checkReady(config: ServiceConfig, section: ServiceSection | undefined, report: ReportFault): void {
  const { ready } = config;
  if (ready === undefined || ready === 'exit') return;
  if (section === 'onboot' || section === 'onshutdown')
    report('/ready', 'a oneshot is up when it has exited with 0; it has no "ready"', 'remove "ready"');
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

/**
 * One configuration over another: a key replaces the whole value below it, and what another key below says of the
 * same thing; `binds.add` and `capabilities.add` add to what is below, each item once.
 */
export function mergeServiceConfig(base: ServiceConfig, over: ServiceConfig): ServiceConfig {
  const { 'binds.add': addedBinds, 'capabilities.add': addedCapabilities, ...rest } = over;
  const {
    'binds.add': baseBinds = [],
    'capabilities.add': baseCapabilities = [],
    ...below
  } = withoutReplaced(base, over);
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

/** What is below without the keys that say the same as another key above: the user, and the host's name. */
function withoutReplaced(base: ServiceConfig, over: ServiceConfig): ServiceConfig {
  const { user, uid, gid, hostname, ...others } = base;
  const keepsUser = over.user === undefined && over.uid === undefined;
  // A group alone takes the place of the user's own.
  const kept = over.gid === undefined ? user : user?.replace(/:.*/, '');
  const keepsHostname = over.uts === undefined || over.uts === 'new';
  return {
    ...others,
    ...(kept !== undefined && keepsUser ? { user: kept } : {}),
    ...(uid !== undefined && over.user === undefined ? { uid } : {}),
    ...(gid !== undefined && over.user === undefined ? { gid } : {}),
    ...(hostname !== undefined && keepsHostname ? { hostname } : {}),
  };
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
