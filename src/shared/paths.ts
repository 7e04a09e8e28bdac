/**
 * Every path on the booted machine that two parties must agree on: the build writes them, the machine
 * reads them. Scripts in init/ spell the same paths; test/unit/shared/paths.test.ts holds them together.
 */

/** In the core file system. */
export const CORE = {
  /** What the machine is: MachineImage as JSON. */
  machineImage: '/usr/lib/slipway/machine.json',
  /** Node and its libraries, started through their own loader so that any container can run them. */
  runtime: '/usr/lib/slipway/runtime',
  /** Receives sd_notify messages: `notify-listener FOLDER NAME BUSYBOX`. */
  notifyListener: '/usr/lib/slipway/notify-listener',
  /** Starts one of the programs that stand beside it: daemon.cjs, ros.cjs, command-line.cjs. */
  bundle: '/usr/lib/slipway/system-docker.cjs',
  /** Image store of a file system (design: images/index.json and layers/DIFFID). */
  imageIndex: '/images/index.json',
  layers: '/layers',
  /** The image's settings of system-docker: daemon.json, certs.d, tls. */
  engineSettings: '/etc/system-docker',
  /** OCI hooks, where Podman has them; the later folder wins a name. */
  hooks: ['/usr/share/containers/oci/hooks.d', '/etc/containers/oci/hooks.d'],
} as const;

/** On the boot medium and in the initrd. */
export const MEDIUM = {
  /** `/slipway/BUILD_ID/NAME.sqfs` on the medium. */
  root: '/slipway',
  /** In the initrd: one line a file system, see formatFileSystemTable. */
  table: '/slipway/table',
  /** In the initrd of `kernel+initrd`: the file systems themselves, NAME.sqfs. */
  inInitrd: '/slipway/fs',
  /** Where the medium stays mounted, read-only. */
  mountPoint: '/run/slipway/medium',
  /** Where each file system of the table is mounted, by name. */
  fileSystems: '/run/slipway/fs',
} as const;

/** Made anew at each boot. */
export const RUN = {
  root: '/run/slipway',
  /** Journal of the boot phases; a respawned system-docker goes on after the last finished one. */
  bootJournal: '/run/slipway/boot.json',
  /** system-docker's pid, written by itself. */
  pidFile: '/run/slipway/system-docker.pid',
  /** Exists once the machine is going down: `poweroff`, `reboot` or `halt`. */
  shutdown: '/run/slipway/shutdown',
  /** Lines the early script and rc leave: `NAME UPTIME_SECONDS`. */
  earlyTimeline: '/run/slipway/early-timeline',
  /** File systems of the table that could not be used: `NAME REASON`. */
  failedFileSystems: '/run/slipway/failed-fs',
  /** Effective cloud-config values as system-docker applied them. */
  cloudConfig: '/run/slipway/cloud-config.json',
  /** Public keys of one user a file, named after the user: `rancher`. */
  authorizedKeys: '/run/slipway/ssh/authorized_keys',
  /** Consoles on which no password is asked, one a line. */
  consoleAutologin: '/run/slipway/console-autologin',
  /** Where state is, once it is mounted: the device. */
  state: '/run/slipway/state',
  /** What services say by sd_notify: a folder a service, of which the service sees `public/`. */
  notify: '/run/slipway/notify',
  /** system-docker's own log, JSON lines. */
  daemonLog: '/run/slipway/system-docker.log',
  controlSocket: '/run/slipway/control.sock',
  dockerSocket: '/run/system-docker.sock',
  /** Records, upper layers, logs of boot-scoped containers. */
  engine: '/run/system-docker',
} as const;

/** On the state partition. */
export const STATE = {
  mountPoint: '/state',
  engine: '/state/system-docker',
  labels: ['SLIPWAY_STATE', 'RANCHER_STATE'],
} as const;

/** cgroup v2 paths below /sys/fs/cgroup. */
export const CGROUPS = {
  engine: '/slipway/engine',
  monitors: '/slipway/monitors',
  services: '/slipway/services',
  user: '/user',
} as const;
