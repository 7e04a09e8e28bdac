import { ToolError } from '../../../shared/errors.ts';
import { API_VERSION } from '../../engine-api/api-version.ts';
import { CommandFailure, describeFault } from '../failure.ts';
import type { Definition } from '../flags.ts';
import type { Session } from '../session.ts';
import { type CompiledTemplate, compileTemplate } from '../template.ts';
import { GO_TYPE, compactJson, formatValue } from '../template/values.ts';
import { formatBinarySize } from '../units.ts';

type Info = Readonly<Record<string, unknown>>;

/** `info` */
export const defineInfo: Definition = (command, session) => {
  command
    .option('-f, --format <string>', 'how to print: json or a template')
    .runs<{ readonly format?: string }>(session, async (_, { format = '' }) => {
      const template = format === '' || format === 'json' ? undefined : compile(format);
      let info: Info;
      try {
        info = (await session.client.request('GET', '/info')) as Info;
      } catch (error) {
        if (format === '') await session.print(`${clientLines('').join('\n')}\n\nServer:\n`);
        throw new CommandFailure(1, `ERROR: ${describeFault(error)}\nerrors pretty printing info`);
      }
      const version = text(info.ServerVersion);
      const value = {
        [GO_TYPE]: 'system.dockerInfo',
        ...info,
        ClientInfo: {
          Debug: false,
          Version: version,
          APIVersion: API_VERSION,
          Context: 'default',
          Plugins: [],
          Warnings: null,
        },
      };
      if (template !== undefined) await printWith(session, template, value);
      else if (format === 'json') await session.print(`${compactJson(value)}\n`);
      else {
        await session.print(
          `${[...clientLines(version), '', 'Server:', ...serverLines(info)].join('\n')}\n\n`,
        );
        const warnings = Array.isArray(info.Warnings) ? info.Warnings : [];
        if (warnings.length > 0) await session.printError(`${warnings.map(text).join('\n')}\n`);
      }
    });
};

function compile(format: string): CompiledTemplate {
  try {
    return compileTemplate(format);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new CommandFailure(64, `template parsing error: ${error.message}`);
  }
}

async function printWith(session: Session, template: CompiledTemplate, value: unknown): Promise<void> {
  let line = '';
  try {
    line = template.execute(value);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new CommandFailure(1, error.message);
  } finally {
    await session.print(`${line}\n`);
  }
}

function clientLines(version: string): string[] {
  return ['Client:', ` Version:    ${version}`, ' Context:    default', ' Debug Mode: false'];
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : formatValue(value);
}

/** The state of the engine in Docker's order and words. */
function serverLines(info: Info): string[] {
  const line = (label: string, key: string): string => ` ${label}: ${text(info[key])}`;
  const filled = (label: string, key: string): string[] => (text(info[key]) === '' ? [] : [line(label, key)]);
  const pairs = (key: string): string[] =>
    list(info[key]).map(pair => `  ${list(pair).map(text).join(': ')}`);
  const plugins = record(info.Plugins);
  return [
    line('Containers', 'Containers'),
    ` ${line('Running', 'ContainersRunning')}`,
    ` ${line('Paused', 'ContainersPaused')}`,
    ` ${line('Stopped', 'ContainersStopped')}`,
    line('Images', 'Images'),
    ...filled('Server Version', 'ServerVersion'),
    line('Storage Driver', 'Driver'),
    ...pairs('DriverStatus'),
    line('Logging Driver', 'LoggingDriver'),
    line('Cgroup Driver', 'CgroupDriver'),
    ...filled('Cgroup Version', 'CgroupVersion'),
    ' Plugins:',
    `  Volume: ${list(plugins.Volume).map(text).join(' ')}`,
    `  Network: ${list(plugins.Network).map(text).join(' ')}`,
    ...(list(plugins.Authorization).length === 0
      ? []
      : [`  Authorization: ${list(plugins.Authorization).map(text).join(' ')}`]),
    `  Log: ${list(plugins.Log).map(text).join(' ')}`,
    ...(list(info.CDISpecDirs).length === 0
      ? []
      : [' CDI spec directories:', ...list(info.CDISpecDirs).map(folder => `  ${text(folder)}`)]),
    ` Swarm: ${text(record(info.Swarm).LocalNodeState)}`,
    ` Runtimes: ${Object.keys(record(info.Runtimes)).sort().join(' ')}`,
    line('Default Runtime', 'DefaultRuntime'),
    line('Init Binary', 'InitBinary'),
    ...(['containerd', 'runc', 'init'] as const).map(name => ` ${name} version: ${commit(info, name)}`),
    ...securityLines(list(info.SecurityOptions).map(text)),
    ...filled('Kernel Version', 'KernelVersion'),
    ...filled('Operating System', 'OperatingSystem'),
    ...filled('OSType', 'OSType'),
    ...filled('Architecture', 'Architecture'),
    line('CPUs', 'NCPU'),
    ` Total Memory: ${formatBinarySize(Number(info.MemTotal ?? 0))}`,
    ...filled('Name', 'Name'),
    ...filled('ID', 'ID'),
    line('Docker Root Dir', 'DockerRootDir'),
    line('Debug Mode', 'Debug'),
    ...filled('HTTP Proxy', 'HttpProxy'),
    ...filled('HTTPS Proxy', 'HttpsProxy'),
    ...filled('No Proxy', 'NoProxy'),
    ...(list(info.Labels).length === 0
      ? []
      : [' Labels:', ...list(info.Labels).map(label => `  ${text(label)}`)]),
    line('Experimental', 'ExperimentalBuild'),
    ...registryLines(record(info.RegistryConfig)),
    line('Live Restore Enabled', 'LiveRestoreEnabled'),
    ...filled('Product License', 'ProductLicense'),
  ];
}

function commit(info: Info, name: 'containerd' | 'runc' | 'init'): string {
  const key = { containerd: 'ContainerdCommit', runc: 'RuncCommit', init: 'InitCommit' }[name];
  const { ID, Expected } = record(info[key]);
  return text(ID) === text(Expected) || text(Expected) === ''
    ? text(ID)
    : `${text(ID)} (expected: ${text(Expected)})`;
}

/** `name=seccomp,profile=builtin` as a name and its options. */
function securityLines(options: readonly string[]): string[] {
  if (options.length === 0) return [];
  const lines = options.flatMap(option => {
    const fields = option.split(',').map(field => field.split(/=(.*)/s));
    const name = fields.find(([key]) => key === 'name')?.[1] ?? option;
    const others = fields.filter(([key]) => key !== 'name');
    return [
      `  ${name}`,
      ...others.map(([key = '', value = '']) => `   ${key.charAt(0).toUpperCase()}${key.slice(1)}: ${value}`),
    ];
  });
  return [' Security Options:', ...lines];
}

function registryLines(config: Info): string[] {
  const insecure = [
    ...Object.entries(record(config.IndexConfigs))
      .filter(([, index]) => record(index).Secure === false)
      .map(([name]) => `  ${name}`),
    ...list(config.InsecureRegistryCIDRs).map(range => `  ${text(range)}`),
  ];
  const mirrors = list(config.Mirrors).map(mirror => `  ${text(mirror)}`);
  return [
    ...(insecure.length === 0 ? [] : [' Insecure Registries:', ...insecure]),
    ...(mirrors.length === 0 ? [] : [' Registry Mirrors:', ...mirrors]),
  ];
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function record(value: unknown): Info {
  return value !== null && typeof value === 'object' ? (value as Info) : {};
}
