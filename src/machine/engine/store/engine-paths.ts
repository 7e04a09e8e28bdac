import { join } from 'node:path';

/** Every path of the engine below its two roots. */
export interface EnginePaths {
  readonly root: string;
  readonly containers: string;
  /** conmon writes `ID` with the exit code here. */
  readonly exits: string;
  /** crun's own state. */
  readonly crun: string;
  /** One folder for each exec session that runs. */
  readonly execs: string;
}

export function enginePaths(runRoot: string): EnginePaths {
  return {
    root: runRoot,
    containers: join(runRoot, 'containers'),
    exits: join(runRoot, 'exits'),
    crun: join(runRoot, 'crun'),
    execs: join(runRoot, 'execs'),
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
  /** OCI bundle: config.json, rootfs, and conmon's attach, ctl and winsz. */
  readonly bundle: string;
  readonly rootfs: string;
  readonly lowerLinks: string;
  readonly pidFile: string;
  readonly monitorPidFile: string;
  readonly monitorLog: string;
  /** conmon leaves `oom` here. */
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
    bundle,
    rootfs: join(bundle, 'rootfs'),
    lowerLinks: join(bundle, 'lower'),
    pidFile: join(bundle, 'pid'),
    monitorPidFile: join(bundle, 'monitor.pid'),
    monitorLog: join(bundle, 'monitor.log'),
    persist: join(bundle, 'persist'),
  };
}
