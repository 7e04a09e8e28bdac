/* Made by scripts/generate.ts from the schema beside it; do not edit. */

export type DebianPackage = string;
/**
 * An image: a built-in recipe (`system-images/NAME`, or just the name), a recipe folder of your own (`./FOLDER`), an OCI layout folder (`oci:FOLDER[:TAG]`), an archive of `docker save` (`docker-archive:FILE`, or a path that ends in `.tar`), or a reference to a registry (`alpine:3.22`). Paths are relative to the manifest's folder.
 */
export type Image = string;
export type ServiceSpec = ServiceConfig & {
  /**
   * Name of the container. Other services use it in `after`, `before` and `pod`.
   */
  name: string;
  image: Image;
};
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
 * A Slipway manifest: what goes into one bootable container operating system. A superset of LinuxKit's manifest.
 */
export interface ManifestFile {
  /**
   * Name of the system: used for the artifacts' file names and in the ready line. Default: the name of the first manifest file.
   */
  name?: string;
  /**
   * Version of the image, printed in the ready line. Default: Slipway's own version.
   */
  version?: string;
  /**
   * Host name until cloud-config or the network gives another. Default: the manifest's name.
   */
  hostname?: string;
  /**
   * Compression of the file systems: `zstd` starts faster, `xz` is smaller.
   */
  compression?: 'zstd' | 'xz';
  /**
   * What a machine does that cannot keep system-docker running: ask for a login, open a root shell without a password on every console, or reboot.
   */
  rescue?: 'login' | 'shell' | 'reboot';
  kernel?: KernelSection;
  /**
   * Images whose files are laid under the core, in order, later ones over earlier ones. Slipway's own PID 1, container runtime and supervisor replace LinuxKit's.
   */
  init?: Image[];
  /**
   * Oneshots: run one after another, before the services; each must exit with 0.
   */
  onboot?: ServiceSpec[];
  /**
   * Services that are kept running. They start in parallel, as soon as `after` and `before` allow.
   */
  services?: ServiceSpec[];
  /**
   * Oneshots that run in order when the machine is shut down in an orderly way.
   */
  onshutdown?: ServiceSpec[];
  /**
   * Files, folders and links added to the core's root file system last.
   */
  files?: FileSpec[];
  engine?: EngineSection;
  trust?: TrustSection;
  /**
   * The partition that lasts.
   */
  state?: {
    /**
     * Format a blank fixed disk as the state partition at the first boot.
     */
    format?: boolean;
  };
  /**
   * Kernel parameters that are set before services start.
   */
  sysctl?: Sysctls1;
}
/**
 * The kernel, its modules and its command line.
 */
export interface KernelSection {
  /**
   * Debian package of the kernel. Default: `linux-image-amd64` or `linux-image-arm64`.
   */
  package?: string;
  /**
   * Kernel command line. The last `console=` is where /dev/console leads. Default on amd64: `console=tty0 console=ttyS0,115200 panic=10`; arm64 adds `console=ttyAMA0,115200`.
   */
  cmdline?: string;
  /**
   * Where the image must boot; decides which drivers it holds.
   *
   * @minItems 1
   */
  platforms?: ('virtio' | 'virtualbox' | 'vmware' | 'hyperv' | 'baremetal')[];
  /**
   * Kernel modules to add by name; what they depend on comes along.
   */
  modules?: string[];
  /**
   * Debian packages whose firmware files are added for the chosen modules.
   */
  firmware?: DebianPackage[];
}
/**
 * The keys of a service, without its name and image. A recipe's `config` and an image's label `org.mobyproject.config` hold the same keys; the manifest's values win over them.
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
/**
 * What system-docker can do beyond running the services of the image, and how it is set. `images`, `networks` and each runtime take room in the core; without one, requests that need it are answered with a hint.
 */
export interface EngineSection {
  /**
   * Images can be pulled, loaded, imported and committed on the machine.
   */
  images?: boolean;
  /**
   * Bridge networks with published ports and name lookup.
   */
  networks?: boolean;
  /**
   * OCI runtimes that containers can choose from; the first is the default unless `default_runtime` names another.
   *
   * @minItems 1
   */
  runtimes?: ('crun' | 'runc')[];
  /**
   * OCI runtime of containers that choose none. Default: the first of `runtimes`.
   */
  default_runtime?: 'crun' | 'runc';
  /**
   * How registries are spoken to when the machine pulls and pushes images.
   */
  registries?: {
    /**
     * Mirrors that are asked before a registry itself, by registry; `docker.io` is Docker Hub.
     */
    mirrors?: {
      /**
       * @minItems 1
       */
      [k: string]: string[];
    };
    /**
     * Registries that are spoken to in plain HTTP. Those on the machine itself are anyway.
     */
    insecure?: string[];
    /**
     * Token servers of another site that may get a registry's login: host names by registry.
     */
    realms?: {
      /**
       * @minItems 1
       */
      [k: string]: string[];
    };
    /**
     * Proxies on the way to registries.
     */
    proxies?: {
      /**
       * For registries in plain HTTP.
       */
      http_proxy?: string;
      /**
       * For all others.
       */
      https_proxy?: string;
      /**
       * Hosts that are reached without, with commas between them.
       */
      no_proxy?: string;
    };
  };
  /**
   * The log of containers that bring no log options. Services have a share of memory instead.
   */
  log?: {
    /**
     * Size at which a file of the log is put aside, such as `10M`.
     */
    max_size?: string | number;
    /**
     * Files that are kept, the one that is written included.
     */
    max_file?: number;
  };
  /**
   * Docker's API on a TCP port, for clients with a certificate of the machine's authority. Such a client is root on the machine. Certificate and key are files on the machine: see [engine.md](engine.md). Off unless given; `{}` takes the defaults.
   */
  tls?: {
    /**
     * The port.
     */
    port?: number;
    /**
     * The address to listen on, of IPv4 or IPv6.
     */
    host?: string;
  };
}
/**
 * Whom the machine trusts at boot.
 */
export interface TrustSection {
  /**
   * Where a state partition is looked for: on fixed disks, on any disk, or not at all.
   */
  state?: 'fixed' | 'any' | 'none';
  /**
   * Sources of cloud-config that are asked, in this order. `nocloud` is a disk labelled `cidata`. An empty list asks none.
   */
  datasources?: 'nocloud'[];
  /**
   * LinuxKit's list of images with content trust; read without effect, with a warning. Every input is pinned by digest in the lock.
   */
  image?: string[];
  /**
   * LinuxKit's list of organisations with content trust; read without effect, with a warning.
   */
  org?: string[];
}
export interface Sysctls1 {
  [k: string]: string | number;
}
