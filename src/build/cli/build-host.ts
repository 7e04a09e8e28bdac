import { join } from 'node:path';
import { type Arch, hostArch } from '../../shared/arch.ts';
import { ToolError } from '../../shared/errors.ts';
import { Registry } from '../../shared/oci/registry.ts';
import { imageLocation } from '../collect-images.ts';
import { HttpClient } from '../fetch/http-client.ts';
import type { Lock } from '../lock/lock.ts';
import { loadLock, saveLock } from '../lock/lock-file.ts';
import { LockedInputs } from '../locked-inputs.ts';
import type { Project } from '../project.ts';
import { openDebian } from '../resolve/debian/debian-index.ts';
import { type Mirrors, NO_MIRRORS, findMirrors } from '../resolve/debian/mirrors.ts';
import { openRegistryFetch } from '../resolve/oci/registry-fetch.ts';
import { parseRegistrySettings } from '../resolve/oci/registry-settings.ts';
import { resolveImage } from '../resolve/oci/resolve-image.ts';
import {
  type ResolveOptions,
  lockStaleness,
  resolveProject,
  resolveTools,
} from '../resolve/resolve-project.ts';
import { type Store, openStore, storeRoot } from '../store/store.ts';
import { credentialHelperRunner } from '../tools/run-credential-helper.ts';
import type { CommandContext } from './context.ts';

/** Options that every command which resolves or fetches has. */
export interface BuildHostArguments {
  readonly arch?: Arch;
  readonly mirror?: readonly string[];
  readonly offline?: boolean;
  readonly locked?: boolean;
  readonly allowHostFiles?: boolean;
}

const MAX_SOCKETS = 8;

/** The build host as commands use it: store, network and mirrors of one run. */
export interface BuildHost extends AsyncDisposable {
  readonly store: Store;
  /** Architecture of the image. */
  readonly arch: Arch;
  readonly hostArch: Arch;
  /**
   * The project's lock, made or brought up to date and written beside the manifest. Throws LOCK_STALE
   * with `--locked`, FETCH_OFFLINE with `--offline`, where it would have to change.
   */
  resolve(project: Project, options: { update?: ResolveOptions['update'] }): Promise<Lock>;
  /** The lock of the build host's own tools, for artifacts whose manifest is not at hand; kept in the store. */
  resolveTools(): Promise<Lock>;
  inputs(lock: Lock): LockedInputs;
}

/** Opens store and network for a command. Throws HOST_UNSUPPORTED, STORE_*. */
export async function openBuildHost(context: CommandContext, args: BuildHostArguments): Promise<BuildHost> {
  const host = hostArch(context.nodeArch);
  if (!host) {
    throw new ToolError(`this computer's architecture ${context.nodeArch} has no build tools`, {
      code: 'HOST_UNSUPPORTED',
      kind: 'environment',
      hint: 'build on x86_64 or aarch64',
    });
  }
  const store = await openStore(storeRoot(context.environment));
  const http = new HttpClient({ env: context.environment, maxSockets: MAX_SOCKETS });
  const arch = args.arch ?? host;
  const offline = args.offline ?? false;
  const { environment, signal, emit, version } = context;
  let mirrors: Promise<Mirrors> | undefined;
  const findOnce = (): Promise<Mirrors> =>
    (mirrors ??= findMirrors({
      mirrors: args.mirror ?? [],
      env: environment,
      cwd: context.workingDirectory,
    }));

  const registryFetch = openRegistryFetch(environment);
  let registry: Registry | undefined;
  const registryOnce = (): Registry =>
    (registry ??= new Registry({
      fetch: registryFetch.fetch,
      ...parseRegistrySettings(environment, credentialHelperRunner(environment)),
    }));

  const common = (previous: Lock | undefined) => ({
    slipwayVersion: version,
    hostArch: host,
    previous,
    emit,
    openDebian: async () =>
      openDebian({
        mirrors: offline ? NO_MIRRORS : await findOnce(),
        ...{ store, http, emit, signal, offline },
        now: new Date(),
        ...(previous ? { previousSuites: previous.suites } : {}),
      }),
  });

  return {
    store,
    arch,
    hostArch: host,
    async resolve(project, { update }) {
      const previous = await loadLock(project.lockPath);
      const stale = lockStaleness(project, previous, { arch, hostArch: host, slipwayVersion: version });
      if (stale !== undefined && args.locked) {
        throw new ToolError(`--locked: ${project.lockPath} would change: ${stale}`, {
          code: 'LOCK_STALE',
          kind: 'conflict',
          hint: 'run "slipway lock" to bring it up to date',
        });
      }
      if (previous && stale === undefined && update === undefined) return previous;
      const lock = await resolveProject(project, {
        ...common(previous),
        arch,
        update,
        resolveImage: image =>
          resolveImage(imageLocation(project, image), image.text, arch, {
            store,
            registry: registryOnce(),
            offline,
            signal,
          }),
      });
      await saveLock(project.lockPath, lock);
      return lock;
    },
    async resolveTools() {
      const path = join(store.root, 'tools.lock');
      const previous = await loadLock(path);
      const lock = await resolveTools(arch, { ...common(previous), update: undefined });
      await saveLock(path, lock);
      return lock;
    },
    inputs: lock =>
      new LockedInputs({
        ...{ lock, arch, hostArch: host, store, http, offline, environment, emit, signal },
        mirrors: findOnce,
        registry: registryOnce,
      }),
    async [Symbol.asyncDispose]() {
      registryFetch[Symbol.dispose]();
      http[Symbol.dispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}
