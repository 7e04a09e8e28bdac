import { join } from 'node:path';

/** Every path of the engine below its two roots. */
export interface EnginePaths {
  readonly root: string;
  readonly containers: string;
  /** conmon writes `ID` with the exit code here; a file system of its own. */
  readonly exits: string;
  /** crun's own state. */
  readonly crun: string;
  /** One folder for each exec session that runs. */
  readonly execs: string;
  /** Images that are mounted for a moment, to be looked at. */
  readonly views: string;
  /** Volumes that are gone with the boot. */
  readonly volumes: string;
  /** Networks of this boot. */
  readonly networks: string;
  /** Network namespaces of containers, by id. */
  readonly namespaces: string;
  /** What netavark keeps for itself, and names for aardvark-dns. */
  readonly netavark: string;
  /** A FIFO that aardvark-dns holds open for as long as it lives. */
  readonly namesAlive: string;
  /** Layers of pulled images that are mounted, by store. */
  readonly layerMounts: string;
}

export function enginePaths(runRoot: string): EnginePaths {
  return {
    root: runRoot,
    containers: join(runRoot, 'containers'),
    exits: join(runRoot, 'exits'),
    crun: join(runRoot, 'crun'),
    execs: join(runRoot, 'execs'),
    views: join(runRoot, 'views'),
    volumes: join(runRoot, 'volumes'),
    networks: join(runRoot, 'networks'),
    namespaces: join(runRoot, 'netns'),
    netavark: join(runRoot, 'netavark'),
    namesAlive: join(runRoot, 'netavark', 'names.alive'),
    layerMounts: join(runRoot, 'mounts'),
  };
}

/** Paths of one container. `bundle` is always of this boot; the rest is where the container's scope keeps it. */
export interface ContainerPaths {
  /** Record, upper layer, logs. */
  readonly home: string;
  readonly record: string;
  readonly upper: string;
  readonly work: string;
  /** `current`, which conmon writes, and numbered names of it and of earlier files. */
  readonly logs: string;
  /** The network namespace of a container that has networks. */
  readonly namespace: string;
  /** OCI bundle: config.json, rootfs, and conmon's attach, ctl and winsz. */
  readonly bundle: string;
  readonly rootfs: string;
  readonly lowerLinks: string;
  readonly pidFile: string;
  readonly monitorPidFile: string;
  readonly monitorLog: string;
  /** conmon leaves `oom` here, and its exit code once more. */
  readonly persist: string;
}

/** @param home folder of the container below the root of its scope */
export function containerPaths(paths: EnginePaths, home: string, id: string): ContainerPaths {
  const bundle = join(paths.containers, id, 'bundle');
  return {
    home,
    record: join(home, 'record.json'),
    upper: join(home, 'upper'),
    work: join(home, 'work'),
    logs: join(home, 'logs'),
    namespace: join(paths.namespaces, id),
    bundle,
    rootfs: join(bundle, 'rootfs'),
    lowerLinks: join(bundle, 'lower'),
    pidFile: join(bundle, 'pid'),
    monitorPidFile: join(bundle, 'monitor.pid'),
    monitorLog: join(bundle, 'monitor.log'),
    persist: join(paths.exits, `${id}.persist`),
  };
}
