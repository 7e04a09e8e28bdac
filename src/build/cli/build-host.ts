import { join } from 'node:path';
import { type Arch, hostArch } from '../../shared/arch.ts';
import { ToolError } from '../../shared/errors.ts';
import { Registry } from '../../shared/oci/registry.ts';
import { HttpClient } from '../fetch/http-client.ts';
import type { Lock } from '../lock/lock.ts';
import { loadLock, saveLock } from '../lock/lock-file.ts';
import { LockedInputs } from '../locked-inputs.ts';
import type { Project } from '../project.ts';
import { openDebian } from '../resolve/debian/debian-index.ts';
import { type Mirrors, NO_MIRRORS, findMirrors } from '../resolve/debian/mirrors.ts';
import { verifyPackages } from '../resolve/debian/verify-packages.ts';
import { openRegistryFetch } from '../../shared/oci/registry-fetch.ts';
import { parseRegistrySettings } from '../resolve/oci/registry-settings.ts';
import { projectImages } from '../resolve/project-images.ts';
import {
  type ResolveOptions,
  lockStaleness,
  resolveProject,
  resolveTools,
} from '../resolve/resolve-project.ts';
import { type Store, openStore, storeRoot } from '../store/store.ts';
import { credentialHelperRunner } from '../tools/run-credential-helper.ts';
import type { CommandContext } from './context.ts';
import { type ProjectLock, loadReplaceableLock, lockCommandLine, projectLock } from './project-lock.ts';

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
   * The project's lock, made or brought up to date; it is written when the caller says so. Throws LOCK_STALE
   * with `--locked`, FETCH_OFFLINE with `--offline`, where it would have to change, LOCK_* where the file is
   * damaged and need not be replaced.
   */
  resolve(
    project: Project,
    options: { readonly update?: ResolveOptions['update']; readonly replaceDamaged?: boolean },
  ): Promise<ProjectLock>;
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
    async resolve(project, { update, replaceDamaged = false }) {
      const previous = replaceDamaged
        ? await loadReplaceableLock(project.lockPath, emit)
        : await loadLock(project.lockPath);
      const options: ResolveOptions = {
        ...common(previous),
        ...projectImages(project, { store, registry: registryOnce(), offline, signal }),
        arch,
        update,
      };
      const stale = await lockStaleness(project, previous, options);
      if (stale !== undefined && args.locked) {
        throw new ToolError(`--locked: ${project.lockPath} would change: ${stale}`, {
          code: 'LOCK_STALE',
          kind: 'conflict',
          hint: `run "${lockCommandLine(project)}" to bring it up to date`,
        });
      }
      const isFit = previous !== undefined && stale === undefined && update === undefined;
      const lock = isFit ? previous : await resolveProject(project, options);
      return projectLock(project, { lock, previous, emit });
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
        verifyTools: packages =>
          verifyPackages(packages, host, {
            ...{ store, http, emit, signal, offline },
            mirrors: findOnce,
            lockedSuites: lock.suites,
            now: new Date(),
          }),
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
