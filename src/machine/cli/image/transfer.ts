import type { Readable } from 'node:stream';
import { CommandFailure } from '../failure.ts';
import { type Definition, collect } from '../flags.ts';
import { openInput, refuseTerminal, writeArchive } from '../files.ts';
import { showProgress } from './progress.ts';
import { parseImageName } from './reference.ts';

const TERMINAL = 'cowardly refusing to save to a terminal. Use the -o flag or redirect';

interface LoadOptions {
  readonly input?: string;
  readonly quiet?: boolean;
}

/** `load` */
export const defineLoad: Definition = (command, session) => {
  command
    .option('-i, --input <string>', 'read this file instead of stdin')
    .option('-q, --quiet', 'show no progress')
    .runs<LoadOptions>(session, async (_, { input, quiet = false }) => {
      if (input === undefined && session.streams.stdin.isTTY) {
        throw new CommandFailure(1, 'requested load from stdin, but stdin is empty');
      }
      const isQuiet = quiet || !session.streams.stdout.isTTY;
      const response = await session.client.stream('POST', '/images/load', {
        query: { quiet: isQuiet ? '1' : '0' },
        headers: { 'Content-Type': 'application/x-tar' },
        upload: await openInput(session, input),
      });
      if (response.headers['content-type']?.startsWith('application/json') === true) {
        await showProgress(session, session.streams.stdout, response);
      } else await writeArchive(session, response, undefined);
    });
};

/** `save` */
export const defineSave: Definition = (command, session) => {
  command
    .operands('IMAGE [IMAGE...]', 1)
    .option('-o, --output <string>', 'write this file instead of stdout')
    .runs<{ readonly output?: string }>(session, async (names, { output }) => {
      refuseTerminal(session, output, TERMINAL);
      const response = await session.client.stream('GET', '/images/get', { query: { names } });
      await writeArchive(session, response, output);
    });
};

interface ImportOptions {
  readonly change?: readonly string[];
  readonly message?: string;
  readonly platform?: string;
}

/** `import` */
export const defineImport: Definition = (command, session) => {
  command
    .operands('file|URL|- [REPOSITORY[:TAG]]', 1, 2)
    .option('-c, --change <list>', 'apply an instruction of a Dockerfile', collect)
    .option('-m, --message <string>', 'a comment')
    .option('--platform <string>', 'platform of the files')
    .runs<ImportOptions>(session, async ([source = '', repository = ''], options) => {
      if (repository !== '') parseImageName(repository);
      const isUrl = /^https?:\/\//.test(source);
      const upload: Readable | undefined = isUrl
        ? undefined
        : await openInput(session, source === '-' ? undefined : source);
      const response = await session.client.stream('POST', '/images/create', {
        query: {
          fromSrc: isUrl ? source : '-',
          repo: repository,
          tag: '',
          message: options.message ?? '',
          changes: options.change,
          platform: options.platform?.toLowerCase(),
        },
        ...(upload === undefined ? {} : { upload, headers: { 'Content-Type': 'text/plain' } }),
      });
      await showProgress(session, session.streams.stdout, response);
    });
};
