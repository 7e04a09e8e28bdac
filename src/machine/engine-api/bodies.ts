/**
 * Answers of Docker's API that clients here read as well; field names as on the wire.
 */

/** One of GET /containers/json. */
export interface ContainerListItem {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Image: string;
  readonly ImageID: string;
  readonly Command: string;
  /** Seconds since 1970. */
  readonly Created: number;
  readonly Ports: readonly PortBody[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly State: string;
  readonly Status: string;
  readonly HostConfig: { readonly NetworkMode: string };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, unknown>> };
  readonly Mounts: readonly MountPoint[];
}

/** A port in GET /containers/json; without the machine's side it is only offered. */
export interface PortBody {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

/** A container's place in a network, in its inspection. */
export interface EndpointBody {
  readonly IPAMConfig: { readonly IPv4Address?: string; readonly IPv6Address?: string } | null;
  readonly Links: readonly string[] | null;
  readonly Aliases: readonly string[] | null;
  readonly MacAddress: string;
  readonly DriverOpts: Readonly<Record<string, string>> | null;
  readonly NetworkID: string;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly DNSNames: readonly string[] | null;
}

/** GET /networks/{name} */
export interface NetworkBody {
  readonly Name: string;
  readonly Id: string;
  readonly Created: string;
  readonly Scope: string;
  readonly Driver: string;
  readonly EnableIPv6: boolean;
  readonly IPAM: {
    readonly Driver: string;
    readonly Options: Readonly<Record<string, string>> | null;
    readonly Config:
      | readonly {
          readonly Subnet: string;
          readonly IPRange?: string;
          readonly Gateway: string;
          readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
        }[]
      | null;
  };
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly ConfigFrom: { readonly Network: string };
  readonly ConfigOnly: boolean;
  /** By id; empty in lists. */
  readonly Containers: Readonly<Record<string, NetworkContainer>>;
  readonly Options: Readonly<Record<string, string>>;
  readonly Labels: Readonly<Record<string, string>>;
}

/** A running container in a network's inspection. */
export interface NetworkContainer {
  readonly Name: string;
  readonly EndpointID: string;
  readonly MacAddress: string;
  /** `10.1.0.2/16` */
  readonly IPv4Address: string;
  readonly IPv6Address: string;
}

export interface MountPoint {
  readonly Type: string;
  /** Of a volume. */
  readonly Name?: string;
  readonly Source: string;
  readonly Destination: string;
  /** Of a volume. */
  readonly Driver?: string;
  readonly Mode: string;
  readonly RW: boolean;
  readonly Propagation: string;
}

/** What is told of a file of a container, in a header. */
export interface PathStatBody {
  readonly name: string;
  readonly size: number;
  /** Kind and permissions in the bits of Go's os.FileMode. */
  readonly mode: number;
  readonly mtime: string;
  /** Where a link leads to in the end; empty for anything else. */
  readonly linkTarget: string;
}

/** GET /volumes/{name} */
export interface VolumeBody {
  /** RFC 3339, whole seconds. */
  readonly CreatedAt: string;
  readonly Driver: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Mountpoint: string;
  readonly Name: string;
  readonly Options: Readonly<Record<string, string>> | null;
  readonly Scope: string;
  /** Only in answers about disk usage. */
  readonly UsageData?: { readonly Size: number; readonly RefCount: number };
}

/** GET /version */
export interface VersionBody {
  readonly Platform: { readonly Name: string };
  readonly Components: readonly {
    readonly Name: string;
    readonly Version: string;
    readonly Details: Readonly<Record<string, string>>;
  }[];
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion: string;
  readonly GitCommit: string;
  readonly GoVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly KernelVersion: string;
  readonly BuildTime: string;
}

/** GET /exec/{id}/json, the part that is read here. */
export interface ExecInspectBody {
  readonly ID: string;
  readonly Running: boolean;
  readonly ExitCode: number | null;
  readonly Pid: number;
  readonly ContainerID: string;
}

/** Every refusal. */
export interface ErrorBody {
  readonly message: string;
}

/** One of GET /images/json. */
export interface ImageListItem {
  readonly Id: string;
  readonly ParentId: string;
  /** Null for none only where old clients, and `docker system df`, expect it. */
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  /** Seconds since 1970. */
  readonly Created: number;
  readonly Size: number;
  /** Before API 1.44. */
  readonly VirtualSize?: number;
  /** -1 where nobody asked. */
  readonly SharedSize: number;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Containers: number;
}

/** One of GET /images/{name}/history. */
export interface ImageHistoryBody {
  readonly Id: string;
  /** Seconds since 1970. */
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Tags: readonly string[] | null;
  readonly Size: number;
  readonly Comment: string;
}

/** One of DELETE /images/{name}. */
export type ImageDeleteBody = { readonly Untagged: string } | { readonly Deleted: string };
