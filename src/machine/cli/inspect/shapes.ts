import { type Shape, declareShape } from './shape.ts';

const HEALTH_RESULT = declareShape('*types.HealthcheckResult', 'Start:s End:s ExitCode:i Output:s');
const HEALTH = declareShape('*types.Health', 'Status:s FailingStreak:i Log:lo', { Log: HEALTH_RESULT });

const STATE = declareShape(
  '*types.ContainerState',
  `Status:s Running:b Paused:b Restarting:b OOMKilled:b Dead:b Pid:i ExitCode:i Error:s StartedAt:s FinishedAt:s
  Health:o?`,
  { Health: HEALTH },
);

const HEALTH_CONFIG = declareShape(
  '*container.HealthConfig',
  'Test:l? Interval:i? Timeout:i? StartPeriod:i? StartInterval:i? Retries:i?',
);

const CONFIG = declareShape(
  '*container.Config',
  `Hostname:s Domainname:s User:s AttachStdin:b AttachStdout:b AttachStderr:b ExposedPorts:m? Tty:b OpenStdin:b
  StdinOnce:b Env:l Cmd:l Healthcheck:o? ArgsEscaped:b? Image:s Volumes:m WorkingDir:s Entrypoint:l
  NetworkDisabled:b? MacAddress:s? OnBuild:l Labels:m StopSignal:s? StopTimeout:p? Shell:l?`,
  { Healthcheck: HEALTH_CONFIG },
);

const RESTART_POLICY = declareShape('container.RestartPolicy', 'Name:s MaximumRetryCount:i');
const LOG_CONFIG = declareShape('container.LogConfig', 'Type:s Config:m');
const PORT_BINDING = declareShape('nat.PortBinding', 'HostIP=HostIp:s HostPort:s');
const DEVICE = declareShape('container.DeviceMapping', 'PathOnHost:s PathInContainer:s CgroupPermissions:s');
const ULIMIT = declareShape('*units.Ulimit', 'Name:s Hard:i Soft:i');

const HOST_CONFIG = declareShape(
  '*container.HostConfig',
  `Binds:l ContainerIDFile:s LogConfig:o NetworkMode:s PortBindings:mlo RestartPolicy:o AutoRemove:b VolumeDriver:s
  VolumesFrom:l ConsoleSize:p Annotations:m? CapAdd:l CapDrop:l CgroupnsMode:s DNS=Dns:l DNSOptions=DnsOptions:l
  DNSSearch=DnsSearch:l ExtraHosts:l GroupAdd:l IpcMode:s Cgroup:s Links:l OomScoreAdj:i PidMode:s Privileged:b
  PublishAllPorts:b ReadonlyRootfs:b SecurityOpt:l StorageOpt:m? Tmpfs:m? UTSMode:s UsernsMode:s ShmSize:i
  Sysctls:m? Runtime:s? Isolation:s CPUShares=CpuShares:i Memory:i NanoCPUs=NanoCpus:i CgroupParent:s BlkioWeight:i
  BlkioWeightDevice:l BlkioDeviceReadBps:l BlkioDeviceWriteBps:l BlkioDeviceReadIOps:l BlkioDeviceWriteIOps:l
  CPUPeriod=CpuPeriod:i CPUQuota=CpuQuota:i CPURealtimePeriod=CpuRealtimePeriod:i
  CPURealtimeRuntime=CpuRealtimeRuntime:i CpusetCpus:s CpusetMems:s Devices:lo DeviceCgroupRules:l DeviceRequests:l
  KernelMemory:i? KernelMemoryTCP:i? MemoryReservation:i MemorySwap:i MemorySwappiness:p OomKillDisable:p
  PidsLimit:p Ulimits:lo CPUCount=CpuCount:i CPUPercent=CpuPercent:i IOMaximumIOps:i IOMaximumBandwidth:i Mounts:l?
  MaskedPaths:l ReadonlyPaths:l Init:p?`,
  {
    LogConfig: LOG_CONFIG,
    PortBindings: PORT_BINDING,
    RestartPolicy: RESTART_POLICY,
    Devices: DEVICE,
    Ulimits: ULIMIT,
  },
);

const ENDPOINT = declareShape(
  '*network.EndpointSettings',
  `IPAMConfig:p Links:l Aliases:l MacAddress:s NetworkID:s EndpointID:s Gateway:s IPAddress:s IPPrefixLen:i
  IPv6Gateway:s GlobalIPv6Address:s GlobalIPv6PrefixLen:i DriverOpts:m DNSNames:l`,
);

const NETWORK_SETTINGS = declareShape(
  '*types.NetworkSettings',
  `Bridge:s SandboxID:s SandboxKey:s Ports:mlo HairpinMode:b LinkLocalIPv6Address:s LinkLocalIPv6PrefixLen:i
  SecondaryIPAddresses:l SecondaryIPv6Addresses:l EndpointID:s Gateway:s GlobalIPv6Address:s GlobalIPv6PrefixLen:i
  IPAddress:s IPPrefixLen:i IPv6Gateway:s MacAddress:s Networks:mo`,
  { Networks: ENDPOINT, Ports: PORT_BINDING },
);

const MOUNT_POINT = declareShape(
  'types.MountPoint',
  'Type:s? Name:s? Source:s Destination:s Driver:s? Mode:s RW:b Propagation:s',
);

const GRAPH_DRIVER = declareShape('types.GraphDriverData', 'Data:m Name:s');

/** GET /containers/{id}/json */
export const CONTAINER: Shape = declareShape(
  '*types.ContainerJSON',
  `ID=Id:s Created:s Path:s Args:l State:o Image:s ResolvConfPath:s HostnamePath:s HostsPath:s LogPath:s Name:s
  RestartCount:i Driver:s Platform:s MountLabel:s ProcessLabel:s AppArmorProfile:s ExecIDs:l HostConfig:o
  GraphDriver:o SizeRw:p? SizeRootFs:p? Mounts:lo Config:o NetworkSettings:o`,
  {
    State: STATE,
    HostConfig: HOST_CONFIG,
    GraphDriver: GRAPH_DRIVER,
    Mounts: MOUNT_POINT,
    Config: CONFIG,
    NetworkSettings: NETWORK_SETTINGS,
  },
);

const ROOT_FS = declareShape('types.RootFS', 'Type:s? Layers:l?');
const METADATA = declareShape('image.Metadata', 'LastTagTime:s?');

/** GET /images/{name}/json */
export const IMAGE: Shape = declareShape(
  '*types.ImageInspect',
  `ID=Id:s RepoTags:l RepoDigests:l Parent:s Comment:s Created:s? Container:s? ContainerConfig:p? DockerVersion:s
  Author:s Config:o Architecture:s Variant:s? Os:s OsVersion:s? Size:i VirtualSize:i? GraphDriver:o RootFS:o
  Metadata:o`,
  { Config: CONFIG, GraphDriver: GRAPH_DRIVER, RootFS: ROOT_FS, Metadata: METADATA },
);

const IPAM = declareShape('network.IPAM', 'Driver:s Options:m Config:lo', {
  Config: declareShape(
    'network.IPAMConfig',
    'Subnet:s? IPRange:s? Gateway:s? AuxAddress=AuxiliaryAddresses:m?',
  ),
});

const ENDPOINT_RESOURCE = declareShape(
  'types.EndpointResource',
  'Name:s EndpointID:s MacAddress:s IPv4Address:s IPv6Address:s',
);

/** GET /networks/{id} */
export const NETWORK: Shape = declareShape(
  'types.NetworkResource',
  `Name:s ID=Id:s Created:s Scope:s Driver:s EnableIPv6:b IPAM:o Internal:b Attachable:b Ingress:b ConfigFrom:o
  ConfigOnly:b Containers:mo Options:m Labels:m Peers:l? Services:m?`,
  {
    IPAM,
    ConfigFrom: declareShape('network.ConfigReference', 'Network:s'),
    Containers: ENDPOINT_RESOURCE,
  },
);

/** GET /volumes/{name} */
export const VOLUME: Shape = declareShape(
  'volume.Volume',
  `ClusterVolume:p? CreatedAt:s? Driver:s Labels:m Mountpoint:s Name:s Options:m Scope:s Status:m? UsageData:p?`,
);

const COMPONENT = declareShape('types.ComponentVersion', 'Name:s Version:s Details:m?');

/** GET /version */
export const SERVER_VERSION: Shape = declareShape(
  '*types.Version',
  `Platform:o? Components:lo? Version:s APIVersion=ApiVersion:s MinAPIVersion:s? GitCommit:s GoVersion:s Os:s Arch:s
  KernelVersion:s? Experimental:b? BuildTime:s?`,
  { Platform: declareShape('struct { Name string }', 'Name:s'), Components: COMPONENT },
);
