import { registryHeader } from '../credentials.ts';
import { CommandFailure } from '../failure.ts';
import type { Definition } from '../flags.ts';
import type { Session } from '../session.ts';
import type { CliStreams } from '../terminal.ts';
import { showProgress } from './progress.ts';
import { type ImageName, parseImageName } from './reference.ts';

interface PullOptions {
  readonly allTags?: boolean;
  readonly platform?: string;
  readonly quiet?: boolean;
}

/** `pull` */
export const definePull: Definition = (command, session) => {
  command
    .operands('NAME[:TAG|@DIGEST]', 1, 1)
    .option('-a, --all-tags', 'download every tag of the repository')
    .option('--platform <string>', 'platform, when the server has several')
    .option('-q, --quiet', 'show no progress')
    .runs<PullOptions>(session, async ([text = ''], options) => {
      const image = parseImageName(text);
      const { allTags = false, quiet = false } = options;
      if (allTags && image.tag !== undefined) {
        throw new CommandFailure(1, "tag can't be used with --all-tags/-a");
      }
      if (!allTags && image.tag === undefined && !quiet) await session.print('Using default tag: latest\n');
      await pullImage(session, allTags ? { ...image, tag: '' } : image, {
        platform: options.platform,
        output: quiet ? undefined : session.streams.stdout,
      });
      await session.print(`${allTags ? image.full.replace(/:latest$/, '') : image.full}\n`);
    });
};

/** Asks the engine to pull, and shows how far it is on `output`. An empty tag stands for all. */
export async function pullImage(
  session: Session,
  image: ImageName,
  options: { readonly platform: string | undefined; readonly output: CliStreams['stdout'] | undefined },
): Promise<void> {
  const response = await session.client.stream('POST', '/images/create', {
    query: {
      fromImage: image.repository,
      tag: image.tag === '' ? undefined : (image.tag ?? 'latest'),
      platform: options.platform === '' ? undefined : options.platform?.toLowerCase(),
    },
    headers: await registryHeader(session, image.reference.registry),
  });
  // Quiet progress is read all the same: an error may be in it.
  const output = options.output ?? silent(session.streams.stdout);
  await showProgress(session, output, response);
}

interface PushOptions {
  readonly allTags?: boolean;
  readonly quiet?: boolean;
}

/** `push` */
export const definePush: Definition = (command, session) => {
  command
    .operands('NAME[:TAG]', 1, 1)
    .option('-a, --all-tags', 'upload every tag of the repository')
    .addOption(command.createOption('--disable-content-trust').hideHelp())
    .option('-q, --quiet', 'show no progress')
    .runs<PushOptions>(session, async ([text = ''], options) => {
      const image = parseImageName(text);
      const { allTags = false, quiet = false } = options;
      if (allTags && image.tag !== undefined) {
        throw new CommandFailure(1, "tag can't be used with --all-tags/-a");
      }
      if (!allTags && image.tag === undefined && !quiet) await session.print('Using default tag: latest\n');
      const response = await session.client.stream('POST', `/images/${image.repository}/push`, {
        query: { tag: allTags ? undefined : (image.tag ?? 'latest') },
        headers: await registryHeader(session, image.reference.registry),
      });
      await showProgress(session, quiet ? silent(session.streams.stdout) : session.streams.stdout, response);
      if (quiet) await session.print(`${image.full}\n`);
    });
};

/** A stream that takes everything and shows nothing. */
function silent(model: CliStreams['stdout']): CliStreams['stdout'] {
  return Object.create(model, {
    isTTY: { value: false },
    write: {
      value: (_data: unknown, done: (error?: Error | null) => void) => {
        done();
        return true;
      },
    },
  }) as CliStreams['stdout'];
}
