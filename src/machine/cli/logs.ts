import { FrameParser } from '../engine-api/stdcopy.ts';
import type { DockerHttpClient } from '../engine-client/http.ts';
import { type CliStreams, writeOut } from './terminal.ts';

export interface LogsOptions {
  readonly follow?: true;
  readonly timestamps?: true;
  readonly tail: string;
  readonly since?: string;
  readonly until?: string;
}

/** `system-docker logs`: each stream of the container goes to its own. */
export async function logs(
  client: DockerHttpClient,
  container: string,
  options: LogsOptions,
  streams: CliStreams,
): Promise<void> {
  const response = await client.stream('GET', `/containers/${encodeURIComponent(container)}/logs`, {
    query: {
      stdout: '1',
      stderr: '1',
      tail: options.tail,
      ...(options.follow === true ? { follow: '1' } : {}),
      ...(options.timestamps === true ? { timestamps: '1' } : {}),
      ...(options.since === undefined ? {} : { since: options.since }),
      ...(options.until === undefined ? {} : { until: options.until }),
    },
  });
  const isRaw = response.headers['content-type'] === 'application/vnd.docker.raw-stream';
  const parser = new FrameParser();
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (isRaw) await writeOut(streams.stdout, chunk);
    else for (const frame of parser.push(chunk)) await writeOut(streams[frame.stream], frame.data);
  }
}
