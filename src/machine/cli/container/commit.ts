import { type Definition, collect } from '../flags.ts';
import { parseImageName } from '../image/reference.ts';

interface CommitOptions {
  readonly author?: string;
  readonly change?: readonly string[];
  readonly message?: string;
  readonly pause: boolean;
}

/** `commit` */
export const defineCommit: Definition = (command, session) => {
  command
    .operands('CONTAINER [REPOSITORY[:TAG]]', 1, 2)
    .option('-a, --author <string>', 'who made it')
    .option('-c, --change <list>', 'apply an instruction of a Dockerfile', collect)
    .option('-m, --message <string>', 'a comment')
    .option('-p, --pause', 'freeze the container meanwhile', true)
    .runs<CommitOptions>(session, async ([container = '', reference], options) => {
      const name = reference === undefined || reference === '' ? undefined : parseImageName(reference);
      const answer = (await session.client.request('POST', '/commit', {
        query: {
          container,
          repo: name?.repository ?? '',
          // A name without a tag is left to the engine.
          tag: name?.tag ?? (name === undefined ? '' : 'latest'),
          author: options.author ?? '',
          comment: options.message ?? '',
          changes: options.change,
          pause: options.pause ? undefined : '0',
        },
      })) as { readonly Id: string };
      await session.print(`${answer.Id}\n`);
    });
};
