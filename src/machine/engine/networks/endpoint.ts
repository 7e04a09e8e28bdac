/** What a container wants of one network, as settled when it was made or connected. */
export interface EndpointWish {
  /** Name or id, as it was asked for. */
  readonly network: string;
  /** Further names on the network. */
  readonly aliases: readonly string[];
  /** `CONTAINER:ALIAS`: other containers under a name of its own. */
  readonly links: readonly string[];
  /** Addresses of its choice. */
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly mac?: string;
  readonly driverOptions: Readonly<Record<string, string>>;
}

/** A container's place in a network while it runs. */
export interface Endpoint {
  readonly networkId: string;
  /** `eth0`, inside the container. */
  readonly interfaceName: string;
  readonly mac: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  /** Being changed while the container runs, and what a next engine does about it: takes it away, or makes it anew. */
  readonly pending?: 'undo' | 'remake';
}

/** A port of a container that is reached on the machine. */
export interface PublishedPort {
  readonly containerPort: number;
  readonly protocol: Protocol;
  /** Empty: every address of the machine. */
  readonly hostIp: string;
  readonly hostPort: number;
}

export type Protocol = 'tcp' | 'udp' | 'sctp';

/**
 * The network namespace of a container's life, and what was given to it. Written before any of it is made, so that
 * whatever was made can be taken away again.
 */
export interface Sandbox {
  /** In another boot nothing of it is there. */
  readonly bootId: string;
  readonly endpoints: readonly Endpoint[];
  /** Network that the default route and published ports go through; it has an endpoint. */
  readonly gateway?: string;
  readonly ports: readonly PublishedPort[];
}
