import type { VersionBody } from '../engine-api/bodies.ts';
import { API_VERSION } from '../engine-api/api-version.ts';
import type { DockerHttpClient } from '../engine-client/http.ts';

/** `system-docker version`: the text that it prints. */
export async function version(client: DockerHttpClient): Promise<string> {
  const server = (await client.request('GET', '/version')) as VersionBody;
  const line = (name: string, value: string, indent = ' '): string =>
    `${indent}${`${name}:`.padEnd(18)} ${value}`;
  return [
    'Client:',
    line('Version', server.Version),
    line('API version', API_VERSION),
    '',
    `Server: ${server.Platform.Name}`,
    ' Engine:',
    line('Version', server.Version, '  '),
    line('API version', `${server.ApiVersion} (minimum version ${server.MinAPIVersion})`, '  '),
    line('OS/Arch', `${server.Os}/${server.Arch}`, '  '),
    line('Kernel', server.KernelVersion, '  '),
    ...server.Components.filter(({ Name }) => Name !== 'Engine').flatMap(({ Name, Version }) => [
      ` ${Name}:`,
      line('Version', Version, '  '),
    ]),
    '',
  ].join('\n');
}
