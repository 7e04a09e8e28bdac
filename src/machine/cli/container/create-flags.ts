import { collectEnvironment } from '../environment.ts';
import { type DockerCommand, collect, parseInteger, parseUnsigned } from '../flags.ts';
import {
  type Throttle,
  type Ulimit,
  sizeParser,
  duration,
  processors,
  attachment,
  address,
  extraHost,
  sysctl,
  ulimit,
  bytesRate,
  countRate,
  weight,
} from './create-values.ts';
import { parseMount } from './mount-flag.ts';
import { type NetworkWish, parseNetwork } from './network-flag.ts';

/** The options that `run` and `create` share, as given. */
export interface CreateOptions {
  readonly addHost?: readonly string[];
  readonly annotation?: readonly string[];
  readonly attach?: readonly string[];
  readonly blkioWeight?: number;
  readonly blkioWeightDevice?: readonly { readonly Path: string; readonly Weight: number }[];
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly cgroupParent?: string;
  readonly cgroupns?: string;
  readonly cidfile?: string;
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpuRtPeriod?: number;
  readonly cpuRtRuntime?: number;
  readonly cpuShares?: number;
  readonly cpus?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly device?: readonly string[];
  readonly deviceCgroupRule?: readonly string[];
  readonly deviceReadBps?: readonly Throttle[];
  readonly deviceReadIops?: readonly Throttle[];
  readonly deviceWriteBps?: readonly Throttle[];
  readonly deviceWriteIops?: readonly Throttle[];
  readonly dns?: readonly string[];
  readonly dnsOption?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly domainname?: string;
  readonly entrypoint?: string;
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
  readonly expose?: readonly string[];
  readonly groupAdd?: readonly string[];
  readonly healthCmd?: string;
  readonly healthInterval?: number;
  readonly healthRetries?: number;
  readonly healthStartInterval?: number;
  readonly healthStartPeriod?: number;
  readonly healthTimeout?: number;
  readonly healthcheck: boolean;
  readonly hostname?: string;
  readonly init?: boolean;
  readonly interactive?: boolean;
  readonly ip?: string;
  readonly ip6?: string;
  readonly ipc?: string;
  readonly isolation?: string;
  readonly label?: readonly string[];
  readonly labelFile?: readonly string[];
  readonly link?: readonly string[];
  readonly linkLocalIp?: readonly string[];
  readonly logDriver?: string;
  readonly logOpt?: readonly string[];
  readonly macAddress?: string;
  readonly memory?: number;
  readonly memoryReservation?: number;
  readonly memorySwap?: number;
  readonly memorySwappiness?: number;
  readonly mount?: readonly object[];
  readonly name?: string;
  readonly network?: readonly NetworkWish[];
  readonly networkAlias?: readonly string[];
  readonly oomKillDisable?: boolean;
  readonly oomScoreAdj?: number;
  readonly pid?: string;
  readonly pidsLimit?: number;
  readonly platform?: string;
  readonly privileged?: boolean;
  readonly publish?: readonly string[];
  readonly publishAll?: boolean;
  readonly pull: string;
  readonly quiet?: boolean;
  readonly readOnly?: boolean;
  readonly restart?: string;
  readonly rm?: boolean;
  readonly runtime?: string;
  readonly securityOpt?: readonly string[];
  readonly shmSize?: number;
  readonly stopSignal?: string;
  readonly stopTimeout?: number;
  readonly storageOpt?: readonly string[];
  readonly sysctl?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly tty?: boolean;
  readonly ulimit?: readonly Ulimit[];
  readonly user?: string;
  readonly userns?: string;
  readonly uts?: string;
  readonly volume?: readonly string[];
  readonly volumeDriver?: string;
  readonly volumesFrom?: readonly string[];
  readonly workdir?: string;
}

/** Options with one text, a list of texts, a whole number and a switch: name, and what it is for. */
const TEXTS: readonly (readonly [string, string])[] = [
  ['--cgroup-parent <string>', 'cgroup to put the container below'],
  ['--cgroupns <string>', 'cgroup namespace: host or private'],
  ['--cidfile <string>', 'write the id of the container to this file'],
  ['--cpuset-cpus <string>', 'processors to run on, e.g. 0-3 or 0,1'],
  ['--cpuset-mems <string>', 'memory nodes to use, e.g. 0-3 or 0,1'],
  ['--domainname <string>', 'domain name inside'],
  ['--entrypoint <string>', "program instead of the image's own entry point"],
  ['--health-cmd <string>', 'command that tells whether the container is healthy'],
  ['-h, --hostname <string>', 'host name inside'],
  ['--ip <string>', 'IPv4 address'],
  ['--ip6 <string>', 'IPv6 address'],
  ['--ipc <string>', 'IPC namespace'],
  ['--isolation <string>', 'isolation technology'],
  ['--log-driver <string>', 'where output is logged'],
  ['--mac-address <string>', 'hardware address'],
  ['--name <string>', 'name of the container'],
  ['--pid <string>', 'PID namespace'],
  ['--platform <string>', 'platform of the image'],
  ['--restart <string>', 'when it is started again: no, always, unless-stopped, on-failure[:N]'],
  ['--runtime <string>', 'OCI runtime'],
  ['--stop-signal <string>', 'signal that stops the container'],
  ['-u, --user <string>', 'user name or id, with :group'],
  ['--userns <string>', 'user namespace'],
  ['--uts <string>', 'UTS namespace'],
  ['--volume-driver <string>', 'driver of its volumes'],
  ['-w, --workdir <string>', 'working directory inside'],
];

const LISTS: readonly (readonly [string, string])[] = [
  ['--cap-add <list>', 'add a capability'],
  ['--cap-drop <list>', 'take a capability away'],
  ['--device-cgroup-rule <list>', 'add a rule to what devices are allowed'],
  ['--dns-option <list>', 'option of the resolver'],
  ['--dns-search <list>', 'domain to search names in'],
  ['--env-file <list>', 'read environment variables from a file'],
  ['--expose <list>', 'a port that the container serves'],
  ['--group-add <list>', 'a further group'],
  ['-l, --label <list>', 'set a label'],
  ['--label-file <list>', 'read labels from a file'],
  ['--link-local-ip <list>', 'link-local address'],
  ['--log-opt <list>', 'option of the log driver'],
  ['--network-alias <list>', 'a further name on the network'],
  ['-p, --publish <list>', 'publish a port: [[ADDRESS:]PORT:]PORT[/PROTOCOL]'],
  ['--security-opt <list>', 'security option'],
  ['--storage-opt <list>', 'option of the storage driver'],
  ['--tmpfs <list>', 'mount a RAM disk: PATH[:OPTIONS]'],
  ['-v, --volume <list>', 'mount a folder or volume: [SOURCE:]PATH[:OPTIONS]'],
  ['--volumes-from <list>', 'mount what another container mounts'],
];

const INTEGERS: readonly (readonly [string, string])[] = [
  ['--cpu-period <int>', 'period of the CFS scheduler, microseconds'],
  ['--cpu-quota <int>', 'quota of the CFS scheduler, microseconds'],
  ['--cpu-rt-period <int>', 'period of the real-time scheduler, microseconds'],
  ['--cpu-rt-runtime <int>', 'runtime of the real-time scheduler, microseconds'],
  ['-c, --cpu-shares <int>', 'weight of its processor time'],
  ['--health-retries <int>', 'failures in a row that make it unhealthy'],
  ['--memory-swappiness <int>', 'how readily memory is swapped, 0 to 100'],
  ['--oom-score-adj <int>', 'how readily the kernel kills it when memory is short, -1000 to 1000'],
  ['--pids-limit <int>', 'most processes; -1 for no limit'],
  ['--stop-timeout <int>', 'seconds to wait before it is killed'],
];

const SIZES: readonly (readonly [string, string])[] = [
  ['-m, --memory <bytes>', 'most memory'],
  ['--memory-reservation <bytes>', 'memory that it is left when memory is short'],
  ['--memory-swap <bytes>', 'most memory and swap together; -1 for no limit'],
  ['--shm-size <bytes>', 'size of /dev/shm'],
];

const DURATIONS: readonly (readonly [string, string])[] = [
  ['--health-interval <duration>', 'time between health checks'],
  ['--health-start-interval <duration>', 'time between health checks while it starts'],
  ['--health-start-period <duration>', 'time it has to start'],
  ['--health-timeout <duration>', 'longest time of a health check'],
];

const SWITCHES: readonly (readonly [string, string])[] = [
  ['--init', 'run a small init that forwards signals and reaps processes'],
  ['-i, --interactive', 'keep stdin open'],
  ['--no-healthcheck', 'no health check, even when the image has one'],
  ['--oom-kill-disable', 'do not kill it when it is out of memory'],
  ['--privileged', 'give the container every privilege'],
  ['-P, --publish-all', 'publish every exposed port on some port'],
  ['--read-only', 'mount its root file system read-only'],
  ['-t, --tty', 'give it a terminal'],
];

/** Declares the options that `run` and `create` share. */
export function declareCreateFlags(command: DockerCommand): void {
  for (const [flags, text] of TEXTS) command.option(flags, text);
  for (const [flags, text] of LISTS) command.option(flags, text, collect);
  for (const [flags, text] of INTEGERS) command.option(flags, text, parseInteger);
  for (const [flags, text] of SIZES) command.option(flags, text, sizeParser(flags));
  for (const [flags, text] of DURATIONS) command.option(flags, text, duration);
  for (const [flags, text] of SWITCHES) command.option(flags, text);
  command
    .option('--add-host <list>', 'a line of /etc/hosts: NAME:ADDRESS', collectWith(extraHost))
    .option('--annotation <map>', 'an annotation for the runtime', collect)
    .option('-a, --attach <list>', 'attach stdin, stdout or stderr', collectWith(attachment))
    .option('--blkio-weight <uint16>', 'weight of its block IO, 10 to 1000', parseUnsigned)
    .option('--blkio-weight-device <list>', 'weight on one device: DEVICE:WEIGHT', collectWith(weight))
    .option('--cpus <decimal>', 'most processors', processors)
    .option('--device <list>', 'give it a device of this machine', collect)
    .option('--device-read-bps <list>', 'most bytes read per second: DEVICE:RATE', collectWith(bytesRate))
    .option('--device-read-iops <list>', 'most reads per second: DEVICE:RATE', collectWith(countRate))
    .option('--device-write-bps <list>', 'most bytes written per second: DEVICE:RATE', collectWith(bytesRate))
    .option('--device-write-iops <list>', 'most writes per second: DEVICE:RATE', collectWith(countRate))
    .option('--dns <list>', 'address of a name server', collectWith(address))
    .option('-e, --env <list>', 'set an environment variable', collectEnvironment)
    .option('--link <list>', 'a container to know by name', collect)
    .option('--mount <mount>', 'mount something, with words for everything', collectWith(parseMount))
    .option('--network <network>', 'network to connect to', collectWith(parseNetwork))
    .option('--pull <string>', 'pull the image first: always, missing or never', 'missing')
    .option('-q, --quiet', 'no progress of a pull')
    .option('--rm', 'remove the container when it has exited')
    .option('--sysctl <map>', 'kernel parameter of its namespaces', collectWith(sysctl))
    .option('--ulimit <ulimit>', 'resource limit: NAME=SOFT[:HARD]', collectWith(ulimit));
  // Other spellings that Docker has.
  alias(command, '--net <network>', '--network', collectWith(parseNetwork));
  alias(command, '--net-alias <list>', '--network-alias', collect);
  alias(command, '--dns-opt <list>', '--dns-option', collect);
  command.addOption(command.createOption('--kernel-memory <bytes>').hideHelp());
  command.addOption(command.createOption('--disable-content-trust').hideHelp());
}

const UPDATE_FLAGS = [
  'blkio-weight',
  'cpu-period',
  'cpu-quota',
  'cpu-rt-period',
  'cpu-rt-runtime',
  'cpu-shares',
  'cpus',
  'cpuset-cpus',
  'cpuset-mems',
  'memory',
  'memory-reservation',
  'memory-swap',
  'pids-limit',
  'restart',
];

/** Declares those of the options that `update` has too. */
export function declareUpdateFlags(command: DockerCommand): void {
  const all = command.createCommand('all');
  declareCreateFlags(all);
  for (const option of all.options) {
    if (UPDATE_FLAGS.includes(option.name())) command.addOption(option);
  }
}

type ListParser<T> = (text: string, before: readonly T[] | undefined) => readonly T[];

function collectWith<T>(parse: (text: string) => T): ListParser<T> {
  return (text, before) => [...(before ?? []), parse(text)];
}

function alias<T>(command: DockerCommand, flags: string, target: string, parse: ListParser<T>): void {
  const name = target.slice(2).replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const option = command.createOption(flags).hideHelp();
  option.argParser((text: string) => {
    command.setOptionValueWithSource(
      name,
      parse(text, command.getOptionValue(name) as T[] | undefined),
      'cli',
    );
    return [];
  });
  command.addOption(option);
}
