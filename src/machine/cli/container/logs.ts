import { FrameParser } from '../../engine-api/stdcopy.ts';
import type { Definition } from '../flags.ts';
import { CommandFailure, describeFault } from '../failure.ts';
import { writeOut } from '../terminal.ts';
import { parseTimestamp } from '../timestamps.ts';
import { containerPath } from './lifecycle.ts';

interface LogsOptions {
  readonly details?: boolean;
  readonly follow?: boolean;
  readonly timestamps?: boolean;
  readonly tail: string;
  readonly since?: string;
  readonly until?: string;
}

/** `logs`: each stream of the container goes to its own. */
export const defineLogs: Definition = (command, session) => {
  command
    .operands('CONTAINER', 1, 1)
    .option('--details', 'show what log options add to lines')
    .option('-f, --follow', 'go on with lines as they come')
    .option('-n, --tail <string>', 'number of lines to show from the end', 'all')
    .option('--since <string>', 'show what came after that time, e.g. 2026-01-31T12:00:00Z or 10m')
    .option('-t, --timestamps', 'show the time of each line')
    .option('--until <string>', 'show what came before that time')
    .runs<LogsOptions>(session, async ([container = ''], options) => {
      const { streams, client } = session;
      const now = session.clock();
      const time = (name: 'since' | 'until'): string | undefined => {
        const value = options[name];
        if (value === undefined || value === '') return undefined;
        try {
          return parseTimestamp(value, now);
        } catch (error) {
          throw new CommandFailure(1, `invalid value for "${name}": ${describeFault(error)}`);
        }
      };
      const flag = (value: boolean | undefined): string | undefined => (value === true ? '1' : undefined);
      // As Docker's client does: a container without a terminal is told by its description.
      const described = await client.request('GET', containerPath(container, '/json'));
      const hasTerminal =
        (described as { readonly Config?: { readonly Tty?: boolean } }).Config?.Tty === true;
      const response = await client.stream('GET', containerPath(container, '/logs'), {
        query: {
          stdout: '1',
          stderr: '1',
          tail: options.tail,
          details: flag(options.details),
          follow: flag(options.follow),
          timestamps: flag(options.timestamps),
          since: time('since'),
          until: time('until'),
        },
      });
      const parser = new FrameParser();
      for await (const chunk of response as AsyncIterable<Buffer>) {
        if (hasTerminal) await writeOut(streams.stdout, chunk);
        else for (const frame of parser.push(chunk)) await writeOut(streams[frame.stream], frame.data);
      }
    });
};
