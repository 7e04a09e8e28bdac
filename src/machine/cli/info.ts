import type { DockerHttpClient } from '../engine-client/http.ts';

/** The lines of `info`, in Docker's order and words: label, field of the answer. */
const LINES: readonly (readonly [string, string])[] = [
  [' Containers', 'Containers'],
  ['  Running', 'ContainersRunning'],
  ['  Paused', 'ContainersPaused'],
  ['  Stopped', 'ContainersStopped'],
  [' Images', 'Images'],
  [' Server Version', 'ServerVersion'],
  [' Storage Driver', 'Driver'],
  [' Logging Driver', 'LoggingDriver'],
  [' Cgroup Driver', 'CgroupDriver'],
  [' Cgroup Version', 'CgroupVersion'],
  [' Default Runtime', 'DefaultRuntime'],
  [' Kernel Version', 'KernelVersion'],
  [' Operating System', 'OperatingSystem'],
  [' OSType', 'OSType'],
  [' Architecture', 'Architecture'],
  [' CPUs', 'NCPU'],
  [' Total Memory', 'MemTotal'],
  [' Name', 'Name'],
  [' ID', 'ID'],
  [' Docker Root Dir', 'DockerRootDir'],
  [' Live Restore Enabled', 'LiveRestoreEnabled'],
];

/** `system-docker info`: the text that it prints. */
export async function info(client: DockerHttpClient): Promise<string> {
  const answer = (await client.request('GET', '/info')) as Readonly<Record<string, unknown>>;
  const show = (field: string): string => {
    const value = answer[field];
    return field === 'MemTotal' && typeof value === 'number' ? formatGibibytes(value) : String(value);
  };
  const warnings = Array.isArray(answer.Warnings) ? answer.Warnings.map(String) : [];
  return ['Server:', ...LINES.map(([label, field]) => `${label}: ${show(field)}`), '', ...warnings, ''].join(
    '\n',
  );
}

function formatGibibytes(bytes: number): string {
  const gibibytes = bytes / 1024 ** 3;
  return gibibytes >= 1 ? `${gibibytes.toPrecision(4)}GiB` : `${(bytes / 1024 ** 2).toPrecision(4)}MiB`;
}
