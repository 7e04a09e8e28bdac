/* Made by scripts/generate.ts from the schema beside it; do not edit. */

export type PackageWish = string;
export type DebianPackage = string;
export type Account = string;
export type Strings = string[];
export type Id = number | string;
/**
 * Capabilities such as `CAP_NET_ADMIN`; or the one word `all` or `none`. Default: none.
 */
export type Capabilities = string[];
/**
 * Capabilities added to the image's list instead of replacing it.
 */
export type Capabilities1 = string[];
/**
 * Capabilities that a program keeps although it does not run as root.
 */
export type Capabilities2 = string[];
/**
 * Folders and files of the machine as `SOURCE:DESTINATION[:OPTIONS]`; replaces the image's list.
 */
export type Binds = string[];
/**
 * Binds added to the image's list instead of replacing it.
 */
export type Binds1 = string[];
/**
 * Mount options.
 */
export type Strings1 = string[];
export type AbsolutePath = string;
/**
 * Services that wait for this one.
 */
export type Strings2 = string[];
/**
 * A command in the container that exits with 0.
 *
 * @minItems 1
 */
export type Command = string[];

/**
 * A recipe (`image.yml`): a system image made of Debian packages and files. A folder `rootfs/` beside it is laid over.
 */
export interface RecipeFile {
  /**
   * What the image does, in one sentence.
   */
  description: string;
  /**
   * Debian packages; what they depend on comes along.
   */
  packages?: PackageWish[];
  /**
   * Debian packages that are left out although others depend on them.
   */
  omit?: DebianPackage[];
  /**
   * Architectures that the image can be built for.
   *
   * @minItems 1
   */
  architectures?: ('amd64' | 'arm64')[];
  /**
   * Files as in the manifest; `source` is relative to the recipe's folder and stays inside it.
   */
  files?: FileSpec[];
  /**
   * Users added to /etc/passwd.
   */
  users?: RecipeUser[];
  /**
   * Groups added to /etc/group.
   */
  groups?: RecipeGroup[];
  /**
   * Paths that are removed; `*` and `?` match inside one name, `**` across folders.
   */
  remove?: string[];
  /**
   * Symbolic links: path -> target.
   */
  links?: {
    [k: string]: string;
  };
  config?: ServiceConfig;
}
/**
 * A file, folder or link. Exactly one of `contents`, `source`, `symlink`, `directory` and `metadata`.
 */
export interface FileSpec {
  /**
   * Where it goes, from the root.
   */
  path: string;
  /**
   * The text itself.
   */
  contents?: string;
  /**
   * A file or folder on the build host, relative to the manifest's folder. Outside of it needs `--allow-host-files`.
   */
  source?: string;
  /**
   * Target of a symbolic link.
   */
  symlink?: string;
  /**
   * Make a folder.
   */
  directory?: boolean;
  /**
   * The merged manifest itself, as `yaml` or `json`.
   */
  metadata?: 'yaml' | 'json';
  /**
   * Permissions, octal in quotes. Default: "0600" for files, "0700" for folders.
   */
  mode?: string;
  /**
   * Owner: a number, or the name of a service.
   */
  uid?: number | string;
  /**
   * Group: a number, or the name of a service.
   */
  gid?: number | string;
  /**
   * Leave it out when `source` does not exist.
   */
  optional?: boolean;
}
export interface RecipeUser {
  /**
   * Login name.
   */
  name: string;
  /**
   * User id.
   */
  uid: number;
  /**
   * Id of the user's own group. Default: the uid.
   */
  gid?: number;
  /**
   * Full name.
   */
  gecos?: string;
  /**
   * Home folder.
   */
  home?: string;
  /**
   * Login shell.
   */
  shell?: string;
  /**
   * Further groups, by name.
   */
  groups?: Account[];
}
export interface RecipeGroup {
  /**
   * Name of the group.
   */
  name: string;
  /**
   * Group id.
   */
  gid: number;
  /**
   * Users in it, by name.
   */
  members?: Account[];
}
/**
 * How a container of this image runs: the keys of a service, without name and image.
 */
export interface ServiceConfig {
  /**
   * Program and arguments; replaces the image's entrypoint and command.
   */
  command?: Strings;
  /**
   * Environment as `NAME=VALUE`; replaces the image's.
   */
  env?: string[];
  /**
   * Working directory. Default: the image's, else `/`.
   */
  cwd?: string;
  /**
   * User and group as `uid[:gid]`, or names from the image's own /etc/passwd.
   */
  user?: string;
  /**
   * User id, or the name of a service, which stands for that service's own id.
   */
  uid?: number | string;
  /**
   * Group id, or the name of a service. Alone it leaves the user as it is.
   */
  gid?: number | string;
  /**
   * Further groups.
   */
  additionalGids?: Id[];
  capabilities?: Capabilities;
  'capabilities.add'?: Capabilities1;
  ambient?: Capabilities2;
  binds?: Binds;
  'binds.add'?: Binds1;
  /**
   * Mounts in the long form. One with the destination of a default mount replaces it.
   */
  mounts?: {
    /**
     * Type of file system: `bind`, `tmpfs`, `proc` and so on. Default: told by the source.
     */
    type?: string;
    /**
     * What is mounted. Default: the type.
     */
    source?: string;
    /**
     * Where, as an absolute path. Default: the usual place of the type.
     */
    destination?: string;
    options?: Strings1;
  }[];
  /**
   * Temporary file systems as `DESTINATION[:OPTIONS]`.
   */
  tmpfs?: string[];
  /**
   * Device nodes. `path: all` with a `type` opens the whole class.
   */
  devices?: {
    /**
     * Path of the node, or `all`.
     */
    path: string;
    /**
     * `b` block, `c` character, `a` both.
     */
    type?: 'a' | 'b' | 'c';
    /**
     * Major number.
     */
    major?: number;
    /**
     * Minor number.
     */
    minor?: number;
    /**
     * Permissions, octal in quotes.
     */
    mode?: string;
  }[];
  /**
   * Network namespace: `host`, `new`, `none` (the same as `new`: only a loopback) or the path of one.
   */
  net?: string;
  /**
   * IPC namespace: `host`, `new` or a path.
   */
  ipc?: string;
  /**
   * Namespace of the host name: `host`, `new` or a path.
   */
  uts?: string;
  /**
   * Process namespace: `host`, `new`, `pod` (that of the service named by `pod`) or a path.
   */
  pid?: string;
  /**
   * Name of another service whose network, ipc and uts namespaces are shared. The service starts when that one is up, and is restarted when that one has been.
   */
  pod?: string;
  /**
   * Host name inside the container, which then has `uts: new`.
   */
  hostname?: string;
  /**
   * Read-only root file system. Default: true for recipes, false for OCI images.
   */
  readonly?: boolean;
  /**
   * All capabilities, all devices, nothing masked. Equals root on the machine.
   */
  privileged?: boolean;
  /**
   * Whether programs are kept from gaining privileges through set-user-id and file capabilities. Default: true, except for privileged services.
   */
  noNewPrivileges?: boolean;
  /**
   * Paths hidden from the container; `[]` hides nothing. Default: those that Docker hides, such as /proc/kcore and /sys/firmware; none for privileged services and those with all capabilities.
   */
  maskedPaths?: AbsolutePath[];
  /**
   * Paths that are read-only in the container; `[]` makes everything writable that its user may write. Default: Docker's, /proc/sys and /proc/sysrq-trigger among them; none for privileged services and those with all capabilities.
   */
  readonlyPaths?: AbsolutePath[];
  /**
   * Mount propagation of the root file system.
   */
  rootfsPropagation?: 'shared' | 'slave' | 'private' | 'unbindable';
  sysctl?: Sysctls;
  /**
   * Resource limits of processes as `NAME,SOFT,HARD`.
   */
  rlimits?: string[];
  /**
   * How early the kernel takes it when memory runs out: -1000 (never) to 1000.
   */
  oomScoreAdj?: number;
  /**
   * Limits of the container's control group.
   */
  limits?: {
    /**
     * Memory, such as `64M`.
     */
    memory?: string | number;
    /**
     * Swap on top of memory.
     */
    swap?: string | number;
    /**
     * Processor cores, such as `0.5`.
     */
    cpus?: number;
    /**
     * Share among those who want the processor.
     */
    cpu_weight?: number;
    /**
     * Which processors, such as `0-1,3`.
     */
    cpuset?: string;
    /**
     * Number of processes and threads.
     */
    pids?: number;
  };
  /**
   * LinuxKit's spelling of `limits`, as in the OCI runtime specification. `limits` wins where both are given.
   */
  resources?: {
    /**
     * Memory, in bytes.
     */
    memory?: {
      /**
       * Bytes of memory.
       */
      limit?: number;
      /**
       * Bytes of memory and swap together.
       */
      swap?: number;
    };
    /**
     * Processor time.
     */
    cpu?: {
      /**
       * Weight, 2 to 262144.
       */
      shares?: number;
      /**
       * Microseconds in each period.
       */
      quota?: number;
      /**
       * Length of a period in microseconds.
       */
      period?: number;
      /**
       * Which processors.
       */
      cpus?: string;
    };
    /**
     * Processes.
     */
    pids?: {
      /**
       * Number of processes and threads.
       */
      limit?: number;
    };
  };
  /**
   * Labels of the container. RancherOS's `io.rancher.os.after`, `before`, `detach` and `createonly` are another spelling of `after`, `before`, `ready: exit` and `autostart: false`.
   */
  labels?: {
    [k: string]: string | number | boolean;
  };
  /**
   * Services that must be up before this one starts, and the conditions `state` (the state partition is mounted, or there is none), `network` (there is a default route or an address, or none came within 20 s), `config` (cloud-config was read) and `cargo:NAME` (an optional file system is mounted).
   */
  after?: Strings;
  before?: Strings2;
  /**
   * When the service counts as up. Without it, as soon as its process runs; one that ends within three seconds and is restarted is not up until it has run for three seconds. One of the keys, or the word `notify`; or the word `exit` for a oneshot, which is done when it has exited with 0.
   */
  ready?:
    | ('exit' | 'notify')
    | {
        exec?: Command;
        /**
         * A port that accepts connections, as `PORT` or `HOST:PORT`.
         */
        tcp?: number | string;
        /**
         * A path in the container that exists.
         */
        file?: string;
        /**
         * A URL that answers with a status from 200 to 399.
         */
        http?: string;
        /**
         * A regular expression that a line of the log matches.
         */
        log?: string;
        /**
         * `READY=1` on the socket named by NOTIFY_SOCKET, as for systemd.
         */
        notify?: true;
        /**
         * Pause between two tries.
         */
        interval?: string;
      };
  /**
   * Whether the boot starts the service. If not, its container is made, and `ros service start` starts it.
   */
  autostart?: boolean;
  /**
   * What happens when the container exits. Default: `always` for services, `no` for oneshots.
   */
  restart?:
    | string
    | {
        /**
         * When it is restarted.
         */
        policy?: 'no' | 'on-failure' | 'always' | 'unless-stopped';
        /**
         * First pause; it doubles with each restart.
         */
        delay?: string;
        /**
         * Longest pause.
         */
        max_delay?: string;
        /**
         * Restarts after which it is given up; 0 is never.
         */
        retries?: number;
      };
  /**
   * Until when a service must be up, or a oneshot done; then it is declared failed and the boot goes on.
   */
  timeout?: string;
  /**
   * What a failure means for the boot: go on, try again, or take the rescue path.
   */
  on_failure?: 'continue' | 'retry' | 'rescue';
  /**
   * How the service is stopped.
   */
  stop?: {
    /**
     * Signal that asks it to end. Default: the image's own (`STOPSIGNAL`), else `TERM`.
     */
    signal?: string;
    /**
     * Time until it is killed.
     */
    grace?: string;
  };
  /**
   * Annotations in the container's OCI configuration, which OCI hooks go by.
   */
  annotations?: {
    [k: string]: string;
  };
}
/**
 * Kernel parameters of the container's own namespaces: `net.*` with `net: new`, `kernel.msg*`, `kernel.sem`, `kernel.shm*` and `fs.mqueue.*` with `ipc: new`, `kernel.domainname` with `uts: new`. The others are the machine's: see the manifest's own `sysctl`.
 */
export interface Sysctls {
  [k: string]: string | number;
}
