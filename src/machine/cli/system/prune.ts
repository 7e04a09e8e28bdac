import { createInterface } from 'node:readline';
import { CommandFailure } from '../failure.ts';
import { type Definition, type DockerCommand, collectFilter } from '../flags.ts';
import type { Session } from '../session.ts';
import { formatSize } from '../units.ts';

interface PruneOptions {
  readonly all?: boolean;
  readonly filter?: readonly string[];
  readonly force?: boolean;
  readonly volumes?: boolean;
}

/** What was removed, in lines, and how much space that made. */
interface Pruned {
  readonly text: string;
  readonly bytes: number;
}

type Prune = (session: Session, options: PruneOptions) => Promise<Pruned>;

const containers: Prune = async (session, options) => {
  const answer = await ask(session, '/containers/prune', options.filter);
  return listed('Deleted Containers', answer.ContainersDeleted, answer);
};

const networks: Prune = async (session, options) => {
  const answer = await ask(session, '/networks/prune', options.filter);
  return listed('Deleted Networks', answer.NetworksDeleted, answer);
};

const volumes: Prune = async (session, options) => {
  const all = options.all === true ? ['all=true'] : [];
  const answer = await ask(session, '/volumes/prune', [...all, ...(options.filter ?? [])]);
  return listed('Deleted Volumes', answer.VolumesDeleted, answer);
};

const images: Prune = async (session, options) => {
  const dangling = `dangling=${options.all === true ? 'false' : 'true'}`;
  const answer = await ask(session, '/images/prune', [dangling, ...(options.filter ?? [])]);
  const lines = (answer.ImagesDeleted ?? []).map(({ Deleted, Untagged }) =>
    Untagged === undefined ? `deleted: ${Deleted ?? ''}` : `untagged: ${Untagged}`,
  );
  return listed('Deleted Images', lines, answer);
};

/** `container prune` */
export const definePruneContainers: Definition = (command, session) => {
  definePrune(command, session, 'This will remove all stopped containers.', containers);
};

/** `network prune`: says nothing of space. */
export const definePruneNetworks: Definition = (command, session) => {
  declare(command).runs<PruneOptions>(session, async (_, options) => {
    const warning = 'This will remove all custom networks not used by at least one container.';
    if (!(await confirm(session, options, `WARNING! ${warning}`))) return;
    const { text } = await networks(session, options);
    await session.print(text);
  });
};

/** `volume prune` */
export const definePruneVolumes: Definition = (command, session) => {
  command.option('-a, --all', 'volumes with a name too');
  definePrune(
    command,
    session,
    options => {
      const which = options.all === true ? 'all local volumes' : 'anonymous local volumes';
      return `This will remove ${which} not used by at least one container.`;
    },
    volumes,
  );
};

/** `image prune` */
export const definePruneImages: Definition = (command, session) => {
  command.option('-a, --all', 'all that no container uses, not only those without a name');
  definePrune(
    command,
    session,
    options =>
      options.all === true
        ? 'This will remove all images without at least one container associated to them.'
        : 'This will remove all dangling images.',
    images,
  );
};

/** `system prune` */
export const definePruneSystem: Definition = (command, session) => {
  declare(command)
    .option('-a, --all', 'all images that no container uses, not only those without a name')
    .option('--volumes', 'anonymous volumes too')
    .runs<PruneOptions>(session, async (_, options) => {
      const steps: Prune[] = [
        containers,
        networks,
        ...(options.volumes === true ? [withoutAll(volumes)] : []),
        images,
      ];
      const warnings = [
        'all stopped containers',
        'all networks not used by at least one container',
        ...(options.volumes === true ? ['all anonymous volumes not used by at least one container'] : []),
        options.all === true
          ? 'all images without at least one container associated to them'
          : 'all dangling images',
      ];
      const filters = (options.filter ?? []).map(filter => `\n  - ${filter}`);
      const question =
        `WARNING! This will remove:\n${warnings.map(line => `  - ${line}\n`).join('')}` +
        (filters.length === 0 ? '' : `\n  Items to be pruned will be filtered with:${filters.join('')}\n`);
      if (!(await confirm(session, options, question))) return;
      let bytes = 0;
      for (const step of steps) {
        const pruned = await step(session, options);
        bytes += pruned.bytes;
        if (pruned.text !== '') await session.print(pruned.text);
      }
      await session.print(`Total reclaimed space: ${formatSize(bytes, 4)}\n`);
    });
};

/** `--all` of `system prune` means images. */
function withoutAll(prune: Prune): Prune {
  return (session, { filter }) => prune(session, { ...(filter === undefined ? {} : { filter }) });
}

function definePrune(
  command: DockerCommand,
  session: Session,
  warning: string | ((options: PruneOptions) => string),
  prune: Prune,
): void {
  declare(command).runs<PruneOptions>(session, async (_, options) => {
    const text = typeof warning === 'string' ? warning : warning(options);
    if (!(await confirm(session, options, `WARNING! ${text}`))) return;
    const pruned = await prune(session, options);
    await session.print(`${pruned.text}Total reclaimed space: ${formatSize(pruned.bytes, 4)}\n`);
  });
}

function declare(command: DockerCommand): DockerCommand {
  return command
    .option('--filter <filter>', 'only those that fit, e.g. until=24h', collectFilter)
    .option('-f, --force', 'do not ask');
}

/** Asks at the terminal; anything but yes means no. */
async function confirm(session: Session, { force }: PruneOptions, warning: string): Promise<boolean> {
  if (force === true) return true;
  const question = 'Are you sure you want to continue? [y/N] ';
  await session.print(`${warning}\n${question}`);
  const { stdin } = session.streams;
  const reader = createInterface({ input: stdin });
  const answer = await new Promise<string>(resolve => {
    reader.once('line', resolve);
    reader.once('close', () => resolve(''));
  });
  reader.close();
  if (answer.trim().toLowerCase() === 'y') return true;
  throw new CommandFailure(0, '');
}

interface Answer {
  readonly ContainersDeleted?: readonly string[] | null;
  readonly NetworksDeleted?: readonly string[] | null;
  readonly VolumesDeleted?: readonly string[] | null;
  readonly ImagesDeleted?: readonly { readonly Deleted?: string; readonly Untagged?: string }[] | null;
  readonly SpaceReclaimed?: number;
}

async function ask({ client }: Session, path: string, filters: readonly string[] = []): Promise<Answer> {
  const values: Record<string, Record<string, true>> = {};
  for (const filter of filters) {
    const [key = '', value = ''] = filter.split(/=(.*)/s);
    (values[key] ??= {})[value] = true;
  }
  const query = filters.length === 0 ? {} : { filters: JSON.stringify(values) };
  return (await client.request('POST', path, { query })) ?? {};
}

function listed(title: string, lines: readonly string[] | null | undefined, answer: Answer): Pruned {
  const text = (lines ?? []).length === 0 ? '' : `${title}:\n${(lines ?? []).join('\n')}\n\n`;
  return { text, bytes: answer.SpaceReclaimed ?? 0 };
}
