/** An OCI runtime that the engine knows. */
export type RuntimeName = 'crun' | 'runc';

/** How the engine speaks to registries. */
export interface RegistrySettings {
  /** Base URLs asked before the registry itself, by registry. */
  readonly mirrors?: Readonly<Record<string, readonly string[]>>;
  /** Registries spoken to in plain HTTP, `host[:port]`; those on loopback are anyway. */
  readonly insecure?: readonly string[];
  /** Token servers of another site that may get a registry's login: host names by registry. */
  readonly realms?: Readonly<Record<string, readonly string[]>>;
  /** http_proxy, https_proxy, no_proxy. */
  readonly proxies?: Readonly<Record<string, string>>;
}

/** A TCP port for Docker's API; its certificates are files of the machine. */
export interface TlsSettings {
  readonly host: string;
  readonly port: number;
}

/** The log of containers that say nothing of theirs. */
export interface LogDefaults {
  /** Docker's log driver; json-file unless given. */
  readonly driver?: string;
  /** Docker's log options of that driver. */
  readonly options?: Readonly<Record<string, string>>;
}

/** What can be set of system-docker: by the manifest, and on the machine by daemon.json. */
export interface EngineSettings {
  /** What runs containers that do not choose; crun unless given. */
  readonly defaultRuntime?: RuntimeName;
  readonly registries?: RegistrySettings;
  readonly log?: LogDefaults;
  /** Absent: there is no TCP port. */
  readonly tls?: TlsSettings | undefined;
}
