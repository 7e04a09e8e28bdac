import type { Manifest, ManifestImage, ManifestService, ServiceConfig } from '../manifest/manifest.ts';
import { idOf } from '../manifest/file-spec.ts';
import { parseServiceLabel } from '../manifest/parse-recipe.ts';
import { parseDuration, parseSize } from '../units.ts';
import { type Fault, InputError } from '../yaml/faults.ts';
import {
  CONFIG_LABELS,
  type ReportFault,
  checkServiceConfig,
  mergeServiceConfig,
  resolveMount,
} from './config.ts';
import type { Readiness, RestartPolicy, ServiceDefinition, ServiceLimits } from './definition.ts';
import { CONDITIONS, type GraphOptions, graphFaults } from './graph.ts';
import { checkOwnNamespaces } from './own-namespaces.ts';
import { autostartOf, orderOf, orderPointer, readyOf } from './rancher-labels.ts';

/** What an image says about how its containers run: a recipe's `config`, or the labels of an OCI image. */
export type ImageFacts =
  | { readonly kind: 'recipe'; readonly config: ServiceConfig }
  | {
      readonly kind: 'oci';
      readonly labels: Readonly<Record<string, string>>;
      /** The image's own `USER`. */
      readonly user?: string;
    };

/** Finds what an image says; undefined where it is not known (yet), e.g. without network. */
export type LookupImage = (image: ManifestImage) => ImageFacts | undefined;

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_GRACE_MS = 10_000;
const DEFAULT_INTERVAL_MS = 500;
const DEFAULT_DELAY_MS = 100;
const DEFAULT_MAX_DELAY_MS = 60_000;

/**
 * Services as the machine gets them: image < label or recipe < manifest, then defaults (LinuxKit's
 * meanings with least privilege). The order that an image wishes for (`after`, `before`) counts where the
 * manifest has such a service. Throws InputError MANIFEST_INVALID, IMAGE_LABEL_INVALID.
 */
export function defineServices(
  manifest: Manifest,
  lookup: LookupImage,
  options: GraphOptions = {},
): { definitions: ServiceDefinition[]; warnings: Fault[] } {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const names = new Set(manifest.services.map(service => service.name));
  const ids = new Map(manifest.services.map(service => [service.name, service.id]));
  const definitions = manifest.services.map(service => {
    const facts = lookup(service.image);
    const base = inherited(service, facts, names);
    const merged = mergeServiceConfig(base, service.config);
    // What the manifest says by itself was found sound when it was parsed; now it is seen with what the image says.
    const report: ReportFault = (pointer, message, hint) => {
      const isWritten = Object.hasOwn(service.config, pointer.split('/')[1] ?? '');
      const origin = isWritten ? '' : ` (from ${service.image.text})`;
      const place = isWritten ? service.placeOf(pointer) : service.place;
      faults.push({ ...located(service, message + origin, hint), place });
    };
    checkServiceConfig(merged, service.section, report);
    checkOwnNamespaces(merged, facts !== undefined, report);
    const user = userOf(merged, facts, ids, message => faults.push(located(service, message)));
    warnings.push(...privilegeWarnings(service, merged));
    return {
      ...definitionOf(service, merged, facts?.kind === 'recipe', ids),
      ...(user === undefined ? {} : { user }),
    };
  });
  for (const fault of graphFaults(definitions, options)) {
    const service = manifest.services.find(({ name }) => name === fault.service);
    const pointer = service ? orderPointer(service.config, fault.key, fault.target) : '';
    const place = pointer === '' ? service?.place : service?.placeOf(pointer);
    faults.push({ message: fault.message, hint: fault.hint, ...(place ? { place } : {}) });
  }
  if (faults.length > 0) throw new InputError('MANIFEST_INVALID', 'manifest', faults);
  return { definitions, warnings };
}

function located(service: ManifestService, message: string, hint?: string): Fault {
  const text = `${service.section} ${JSON.stringify(service.name)}: ${message}`;
  return { message: text, place: service.place, ...(hint === undefined ? {} : { hint }) };
}

/** What the image says, without an order among services that this manifest does not have. */
function inherited(
  service: ManifestService,
  facts: ImageFacts | undefined,
  names: ReadonlySet<string>,
): ServiceConfig {
  if (!facts) return {};
  let config: ServiceConfig = {};
  if (facts.kind === 'recipe') config = facts.config;
  else {
    const label = CONFIG_LABELS.find(name => facts.labels[name] !== undefined);
    const text = label === undefined ? undefined : facts.labels[label];
    if (text !== undefined) config = parseServiceLabel(`label ${label} of ${service.image.text}`, text);
  }
  const exists = (name: string): boolean =>
    name !== service.name && (names.has(name) || CONDITIONS.includes(name) || name.startsWith('cargo:'));
  if (service.config.pod !== undefined) {
    // The pod decides over them.
    const decided = ['net', 'ipc', 'uts', 'hostname'];
    config = Object.fromEntries(Object.entries(config).filter(([key]) => !decided.includes(key)));
  }
  return {
    ...config,
    ...(config.after ? { after: config.after.filter(exists) } : {}),
    ...(config.before
      ? { before: config.before.filter(name => name !== service.name && names.has(name)) }
      : {}),
  };
}

function definitionOf(
  service: ManifestService,
  config: ServiceConfig,
  isRecipe: boolean,
  ids: ReadonlyMap<string, number>,
): ServiceDefinition {
  const { pod, hostname } = config;
  const shared = pod === undefined ? undefined : `pod:${pod}`;
  const privileged = config.privileged ?? false;
  const ready = readinessOf(config);
  return {
    name: service.name,
    section: service.section,
    image: service.image.source.name,
    ...(config.command === undefined ? {} : { command: config.command }),
    ...(config.env === undefined ? {} : { env: config.env }),
    ...(config.cwd === undefined ? {} : { cwd: config.cwd }),
    additionalGids: (config.additionalGids ?? []).flatMap(id => idOf(id, ids) ?? []),
    binds: config.binds ?? [],
    mounts: (config.mounts ?? []).flatMap(mount => resolveMount(mount) ?? []),
    tmpfs: config.tmpfs ?? [],
    devices: (config.devices ?? []).map(({ mode, ...device }) => ({
      ...device,
      ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }),
    })),
    capabilities: (config.capabilities ?? []).filter(name => name !== 'none'),
    ambient: (config.ambient ?? []).filter(name => name !== 'none'),
    net: shared ?? (config.net === 'none' ? 'new' : (config.net ?? 'host')),
    pid: config.pid === 'pod' ? (shared ?? 'new') : (config.pid ?? 'new'),
    ipc: shared ?? config.ipc ?? 'host',
    // A host name of one's own needs a namespace of one's own.
    uts: shared ?? config.uts ?? (hostname === undefined ? 'host' : 'new'),
    ...(hostname === undefined ? {} : { hostname }),
    readonly: config.readonly ?? isRecipe,
    noNewPrivileges: config.noNewPrivileges ?? !privileged,
    privileged,
    ...(config.rootfsPropagation === undefined ? {} : { rootfsPropagation: config.rootfsPropagation }),
    ...pathsOf(config),
    sysctl: texts(config.sysctl ?? {}),
    rlimits: (config.rlimits ?? []).map(limit => limit.replace(/^RLIMIT_/, '').toLowerCase()),
    ...(config.oomScoreAdj === undefined ? {} : { oomScoreAdj: config.oomScoreAdj }),
    limits: limitsOf(config),
    labels: texts(config.labels ?? {}),
    ...(config.annotations === undefined ? {} : { annotations: config.annotations }),
    ...orderOf(config),
    ...(ready === undefined ? {} : { ready }),
    autostart: autostartOf(config),
    restart: restartOf(service, config),
    timeoutMs: config.timeout === undefined ? DEFAULT_TIMEOUT_MS : parseDuration(config.timeout),
    onFailure: config.on_failure ?? 'continue',
    stop: {
      ...(config.stop?.signal === undefined
        ? {}
        : { signal: `SIG${config.stop.signal.replace(/^SIG/, '')}` }),
      graceMs: config.stop?.grace === undefined ? DEFAULT_GRACE_MS : parseDuration(config.stop.grace),
    },
    ...(pod === undefined ? {} : { pod }),
  };
}

/** Hidden and read-only paths as written; silence leaves them to the engine, whose defaults are Docker's. */
function pathsOf(config: ServiceConfig): Pick<ServiceDefinition, 'maskedPaths' | 'readonlyPaths'> {
  // Whoever has every capability can undo both, and is given them in order to work on the kernel.
  const silent = config.capabilities?.includes('all') === true ? [] : undefined;
  const { maskedPaths = silent, readonlyPaths = silent } = config;
  return {
    ...(maskedPaths === undefined ? {} : { maskedPaths }),
    ...(readonlyPaths === undefined ? {} : { readonlyPaths }),
  };
}

/** A group alone changes the group of whatever user it would be otherwise. */
function userOf(
  config: ServiceConfig,
  facts: ImageFacts | undefined,
  ids: ReadonlyMap<string, number>,
  refuse: (message: string) => void,
): string | undefined {
  for (const id of [config.uid, config.gid, ...(config.additionalGids ?? [])]) {
    if (idOf(id, ids) === undefined) refuse(`${JSON.stringify(id)} is the name of no service`);
  }
  if (config.uid === undefined && config.gid === undefined) return config.user;
  const [imageUser = ''] = facts?.kind === 'oci' ? (facts.user ?? '').split(':') : [];
  const user = config.uid === undefined ? (config.user ?? imageUser) : String(idOf(config.uid, ids) ?? 0);
  return `${user === '' ? 0 : user}:${idOf(config.gid, ids) ?? 0}`;
}

function readinessOf(config: ServiceConfig): Readiness | undefined {
  const ready = readyOf(config);
  if (ready === undefined) return undefined;
  if (typeof ready === 'string') return { kind: ready };
  const intervalMs = ready.interval === undefined ? DEFAULT_INTERVAL_MS : parseDuration(ready.interval);
  if (ready.exec !== undefined) return { kind: 'exec', command: ready.exec, intervalMs };
  if (ready.tcp !== undefined) {
    const [, host = '127.0.0.1', port = ''] = /^(?:(.+):)?(\d+)$/.exec(String(ready.tcp)) ?? [];
    return { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port: Number(port), intervalMs };
  }
  if (ready.file !== undefined) return { kind: 'file', path: ready.file, intervalMs };
  if (ready.http !== undefined) return { kind: 'http', url: ready.http, intervalMs };
  if (ready.log !== undefined) return { kind: 'log', pattern: ready.log };
  return { kind: 'notify' };
}

function restartOf(service: ManifestService, config: ServiceConfig): RestartPolicy {
  const isLongrun = service.section === 'services' && readyOf(config) !== 'exit';
  const fallback = isLongrun ? 'always' : 'no';
  const written = typeof config.restart === 'string' ? config.restart : config.restart?.policy;
  const [policy, times] = (written ?? fallback).split(':') as [RestartPolicy['policy'], string | undefined];
  const { delay, max_delay: maxDelay, retries } = typeof config.restart === 'object' ? config.restart : {};
  const delayMs = delay === undefined ? DEFAULT_DELAY_MS : parseDuration(delay);
  const maxDelayMs = maxDelay === undefined ? DEFAULT_MAX_DELAY_MS : parseDuration(maxDelay);
  return {
    policy,
    delayMs,
    maxDelayMs: Math.max(delayMs, maxDelayMs),
    maxRetries: retries ?? Number(times ?? 0),
  };
}

/** `limits`, and LinuxKit's `resources` where `limits` is silent (OCI runtime specification, config-linux). */
function limitsOf({ limits = {}, resources = {} }: ServiceConfig): ServiceLimits {
  const { memory = {}, cpu = {}, pids = {} } = resources;
  const bothSwap = memory.swap === undefined ? undefined : Math.max(0, memory.swap - (memory.limit ?? 0));
  // The kernel's own conversion of cgroup v1 shares to a v2 weight.
  const weight = cpu.shares === undefined ? undefined : 1 + Math.floor(((cpu.shares - 2) * 9999) / 262_142);
  const quota = cpu.quota === undefined ? undefined : cpu.quota / (cpu.period ?? 100_000);
  const found = {
    memoryBytes: limits.memory === undefined ? memory.limit : parseSize(limits.memory),
    swapBytes: limits.swap === undefined ? bothSwap : parseSize(limits.swap),
    cpus: limits.cpus ?? quota,
    cpuWeight: limits.cpu_weight ?? weight,
    cpusetCpus: limits.cpuset ?? cpu.cpus,
    pids: limits.pids ?? pids.limit,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** Who asks for more than a service normally needs, and for what; Slipway's own images need what they ask for. */
function privilegeWarnings(service: ManifestService, config: ServiceConfig): Fault[] {
  if (service.image.source.kind === 'builtin-recipe') return [];
  const asks = [
    config.privileged ? '"privileged", which equals root on the machine' : undefined,
    config.capabilities?.includes('all') ? 'all capabilities' : undefined,
    config.capabilities?.includes('CAP_SYS_ADMIN') ? 'CAP_SYS_ADMIN, which is nearly all of root' : undefined,
    config.capabilities?.includes('CAP_SYS_MODULE')
      ? 'CAP_SYS_MODULE, which can load code into the kernel'
      : undefined,
    config.pid === 'host' ? "the machine's processes (pid: host)" : undefined,
    config.devices?.some(device => device.path === 'all') ? 'every device of a class' : undefined,
    config.binds?.some(bind => /^\/(:|\/+:)/.test(bind)) ? "the machine's whole root file system" : undefined,
  ].filter(ask => ask !== undefined);
  if (asks.length === 0) return [];
  const message = `${service.section} ${JSON.stringify(service.name)} asks for ${asks.join(', and ')}`;
  return [{ message, place: service.place, hint: 'remove what it does not need' }];
}

function texts(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}
