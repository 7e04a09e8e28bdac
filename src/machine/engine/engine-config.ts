import type { EngineSettings } from '../../shared/engine-settings.ts';
import type { EngineClient } from '../engine-client/engine-client.ts';
import type { Log } from '../log.ts';

/** Where the engine finds its programs; absolute paths. */
export interface EnginePrograms {
  readonly conmon: string;
  readonly crun: string;
  /** mount, umount, mkfifo, stty and telnetd (the terminal of `exec -t`). */
  readonly busybox: string;
  /** runc, which a container can choose instead of crun (HostConfig.Runtime). */
  readonly runc?: string;
  /** Connects to conmon's attach socket, for input of containers. */
  readonly socat?: string;
  /** A static init that reaps and forwards signals (tini), for HostConfig.Init. */
  readonly init?: string;
  /** mkfs.erofs, which makes the file of a layer: nothing is pulled, loaded or committed without it. */
  readonly mkfsErofs?: string;
  /** netavark, which connects containers to bridge networks; with it come `aardvarkDns` and `nft`. */
  readonly netavark?: string;
  /** Answers the names of containers; netavark starts it. */
  readonly aardvarkDns?: string;
  /** Sets the kernel's packet filter for netavark. */
  readonly nft?: string;
  /** Has the kernel forget where it sends UDP when published ports change hands. */
  readonly conntrack?: string;
}

/** cgroup v2 as the engine uses it. Absent from EngineConfig: containers are put into no cgroup. */
export interface EngineCgroups {
  /** Mount point, `/sys/fs/cgroup`. */
  readonly root: string;
  /** Paths below the mount point, beginning with a slash: see CGROUPS in shared/paths.ts. */
  readonly monitors: string;
  readonly services: string;
  readonly user: string;
  /** Whether controllers are delegated, so that limits and device rules can be set. */
  readonly limits: boolean;
}

/** Everything the engine needs to know of the machine it runs on. */
export interface EngineConfig {
  /** Records, bundles and logs of this boot, on a tmpfs that allows execution: RUN.engine. */
  readonly runRoot: string;
  /** Where state-scoped containers last, once there is state; see Engine.attachState. */
  readonly stateRoot?: string;
  /** An earlier engine of this boot had state, which will be attached again. */
  readonly stateFollows?: boolean;
  /** Mounted file systems with `images/index.json` and `layers/`; earlier ones win a name. */
  readonly imageStores: readonly string[];
  readonly programs: EnginePrograms;
  readonly cgroups?: EngineCgroups;
  /** What the image sets; daemon.json wins over it, where there is one. */
  readonly settings?: EngineSettings;
  /** The image's folder for daemon.json, certs.d and tls; state has one of its own: see settings/settings-keeper.ts. */
  readonly settingsFolder?: string;
  /** Folders of OCI hooks; a later one wins a file's name. */
  readonly hookFolders?: readonly string[];
  /** Version of the image or of Slipway, answered by /version. */
  readonly version: string;
  readonly log: Log;
  /** Told what a person should know and would not look for: settings that are not taken. */
  readonly announce?: (line: string) => void;
  /** Milliseconds since 1970, as the machine's clock has it; it may jump. Date.now unless given. */
  readonly clock?: () => number;
  /** Told the name of each step that changes what lasts, before it is done: where tests end the process. */
  readonly onStep?: (step: string) => void;
  /** For the logs of all boot-scoped containers together; 8 MB or 4 % of memory, the smaller, unless given. */
  readonly logBudgetBytes?: number;
}

/** A running engine. Disposing of it ends timers, watches and servers, and leaves every container running. */
export interface Engine extends AsyncDisposable {
  /** The engine for callers in the same process. */
  readonly client: EngineClient;
  /** Serves Docker's API on a unix socket, mode 0600; replaces a stale socket. */
  listen(socketPath: string): Promise<void>;
  /**
   * Reads the settings of the machine again and opens, renews or closes the TLS port as they say. What is wrong with
   * them is logged, announced and in /info; then the earlier ones hold.
   */
  applySettings(): Promise<void>;
  /** Adds the images of one more mounted file system (cargo that came late). */
  addImageStore(folder: string): Promise<void>;
  /** State has been mounted: state-scoped containers of earlier boots are loaded, new ones are kept there. */
  attachState(folder: string): Promise<void>;
}

/** The type of `createEngine` in engine.ts: loads records, adopts what still runs, then resolves. */
export type CreateEngine = (config: EngineConfig) => Promise<Engine>;
