import { ToolError } from '../../../shared/errors.ts';
import { API_VERSION } from '../../engine-api/api-version.ts';
import { CommandFailure, describeFault } from '../failure.ts';
import type { Definition } from '../flags.ts';
import type { Session } from '../session.ts';
import { applyShape, declareShape } from '../inspect/shape.ts';
import { SERVER_VERSION } from '../inspect/shapes.ts';
import { type CompiledTemplate, compileTemplate } from '../template.ts';
import { GO_TYPE, formatJson } from '../template/values.ts';

/** GET /version, as far as it is shown. */
interface VersionAnswer {
  readonly Platform?: { readonly Name: string };
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly Components?: readonly {
    readonly Name: string;
    readonly Version: string;
    readonly Details?: Readonly<Record<string, string>> | null;
  }[];
}

const CLIENT = declareShape(
  'system.clientVersion',
  `Platform:p? Version:s? APIVersion=ApiVersion:s? DefaultAPIVersion:s? GitCommit:s? GoVersion:s? Os:s? Arch:s?
  BuildTime:s? Context:s?`,
);

/** `version` */
export const defineVersion: Definition = (command, session) => {
  command
    .option('-f, --format <string>', 'how to print: json or a template')
    .runs<{ readonly format?: string }>(session, async (_, { format = '' }) => {
      const template = format === '' || format === 'json' ? undefined : compile(format);
      let server: VersionAnswer | undefined;
      let fault: unknown;
      try {
        server = (await session.client.request('GET', '/version')) as VersionAnswer;
      } catch (error) {
        fault = error;
      }
      // The command is part of the engine's program: it has its version.
      const client = {
        Version: server?.Version ?? '',
        ApiVersion: API_VERSION,
        DefaultAPIVersion: API_VERSION,
        Os: server?.Os ?? '',
        Arch: server?.Arch ?? '',
        Context: 'default',
      };
      const value = {
        [GO_TYPE]: 'system.versionInfo',
        Client: applyShape(CLIENT, client),
        Server: server === undefined ? null : applyShape(SERVER_VERSION, server),
      };
      if (template !== undefined) await printWith(session, template, value);
      else if (format === 'json') await session.print(`${formatJson(value)}\n`);
      else await session.print(formatVersion(client, server));
      if (fault !== undefined) throw new CommandFailure(1, describeFault(fault));
    });
};

function compile(format: string): CompiledTemplate {
  try {
    return compileTemplate(format, 'version');
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

function formatVersion(client: { readonly Version: string }, server: VersionAnswer | undefined): string {
  const line = (indent: string, name: string, value: string): string =>
    `${indent}${`${name}:`.padEnd(18)} ${value}`.replace(/^( {2}.{17}) /, '$1');
  const lines = ['Client:', line(' ', 'Version', client.Version), line(' ', 'API version', API_VERSION)];
  if (server === undefined) return `${lines.join('\n')}\n`;
  lines.push('', `Server: ${server.Platform?.Name ?? ''}`.trimEnd());
  for (const { Name, Version, Details } of server.Components ?? []) {
    lines.push(` ${Name}:`, line('  ', 'Version', Version));
    if (Name === 'Engine') {
      lines.push(
        line('  ', 'API version', `${server.ApiVersion} (minimum version ${server.MinAPIVersion})`),
        line('  ', 'OS/Arch', `${server.Os}/${server.Arch}`),
      );
      continue;
    }
    const details = Object.entries(Details ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [key, value] of details) lines.push(line('  ', key, value));
  }
  return `${lines.join('\n')}\n`;
}
