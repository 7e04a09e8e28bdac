import { CommandFailure, forEachName } from '../failure.ts';
import { type Definition } from '../flags.ts';
import { parseImageName } from './reference.ts';

/** The path of an image's resource: slashes of its name stay, as Docker's clients have them. */
export function imagePath(name: string, rest = ''): string {
  return `/images/${encodeURIComponent(name).replaceAll('%2F', '/').replaceAll('%3A', ':').replaceAll('%40', '@')}${rest}`;
}

/** `tag` */
export const defineTag: Definition = (command, session) => {
  command
    .operands('SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]', 2, 2)
    .runs(session, async ([source = '', target = '']) => {
      let name;
      try {
        name = parseImageName(target);
      } catch (error) {
        if (!(error instanceof CommandFailure)) throw error;
        throw new CommandFailure(
          1,
          `Error parsing reference: ${JSON.stringify(target)} is not a valid repository/tag: ${error.message}`,
        );
      }
      if (name.reference.digest !== undefined) {
        throw new CommandFailure(1, 'refusing to create a tag with a digest reference');
      }
      await session.client.request('POST', imagePath(source, '/tag'), {
        query: { repo: name.repository, tag: name.tag ?? 'latest' },
      });
    });
};

interface RemoveOptions {
  readonly force?: boolean;
  readonly prune: boolean;
}

/** `rmi` */
export const defineRemoveImage: Definition = (command, session) => {
  command
    .operands('IMAGE [IMAGE...]', 1)
    .option('-f, --force', 'remove it even when a stopped container uses it')
    .option('--no-prune', 'keep its untagged parents')
    .runs<RemoveOptions>(session, (names, { force = false, prune }) =>
      forEachName(session, names, async name => {
        const removed = await session.client.request('DELETE', imagePath(name), {
          query: { force: force ? '1' : undefined, noprune: prune ? undefined : '1' },
        });
        return (removed as readonly { readonly Deleted?: string; readonly Untagged?: string }[])
          .map(({ Deleted, Untagged }) =>
            Deleted === undefined ? `Untagged: ${Untagged ?? ''}\n` : `Deleted: ${Deleted}\n`,
          )
          .join('');
      }),
    );
};
