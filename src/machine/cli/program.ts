import { COMMANDS, type CommandEntry } from './command-table.ts';
import { CommandFailure } from './failure.ts';
import { DockerCommand } from './flags.ts';
import type { Session } from './session.ts';

const GROUPS: Readonly<Record<string, string>> = {
  container: 'Manage containers',
  image: 'Manage images',
  volume: 'Manage volumes',
  network: 'Manage networks',
  system: 'Manage the engine',
};

/** The tree of commands; a command's options are declared when it is about to run. */
export function buildProgram(session: Session): DockerCommand {
  const program = new DockerCommand('system-docker');
  program
    .description('The engine that supervises the system services of this machine.')
    .option('-H, --host <unix://PATH>', 'socket to connect to')
    .option('-v, --version', 'print the version and quit')
    .exitOverride()
    .configureOutput({
      writeOut: text => session.streams.stdout.write(text),
      writeErr: text => session.streams.stderr.write(text),
    })
    .helpCommand(false)
    .argument('[command...]')
    .action(() => refuse(program, session));
  const groups = new Map<string, DockerCommand>();
  const groupOf = (name: string): DockerCommand => {
    const known = groups.get(name);
    if (known !== undefined) return known;
    const group = program.createCommand(name).description(GROUPS[name] ?? '');
    program.addCommand(group.copyInheritedSettings(program));
    group.argument('[command...]').action(() => refuse(group, session));
    groups.set(name, group);
    return group;
  };
  const definitions = new Map<unknown, CommandEntry>();
  for (const entry of COMMANDS) {
    for (const name of entry.names) {
      const words = name.split(' ');
      const parent = words.length === 1 ? program : groupOf(words[0] ?? '');
      const hidden =
        name !== entry.names[0] && !(words.length === 2 && isFirstOf(entry, words[0] ?? '', name));
      const child = parent.command(words.at(-1) ?? '', { hidden }).description(entry.summary);
      definitions.set(child, entry);
    }
  }
  const define = async (_parent: unknown, child: unknown): Promise<void> => {
    const entry = definitions.get(child);
    if (entry !== undefined) (await entry.load())(child as DockerCommand, session);
  };
  program.hook('preSubcommand', define);
  for (const group of groups.values()) group.hook('preSubcommand', define);
  return program;
}

/** What people know from Docker's client and is done in another way here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  build: "Images are made elsewhere: by 'slipway build' or a builder, then pulled or loaded.",
  buildx: "Images are made elsewhere: by 'slipway build' or a builder, then pulled or loaded.",
  compose: "Docker's own 'docker compose' works against this engine, from another computer or a container.",
  search: 'What there is to pull, the website of a registry shows.',
};

/** Words that name no command. */
async function refuse(command: DockerCommand, session: Session): Promise<void> {
  const [word] = command.args;
  if (command.parent === null && command.opts<{ version?: true }>().version === true) {
    const version = (await session.client.request('GET', '/version')) as { readonly Version: string };
    await session.print(`${command.path} version ${version.Version}\n`);
    return;
  }
  if (word !== undefined && command.parent === null) {
    const instead = Object.hasOwn(ELSEWHERE, word) ? `${ELSEWHERE[word] ?? ''}\n` : '';
    throw new CommandFailure(
      1,
      `${command.path}: '${word}' is not a ${command.path} command.\n${instead}See '${command.path} --help'`,
    );
  }
  await session.printError(`\n${command.helpInformation()}`);
  session.finish(word === undefined ? 0 : 1);
}

/** Whether it is the name that the group's help shows. */
function isFirstOf(entry: CommandEntry, group: string, name: string): boolean {
  return entry.names.find(other => other.startsWith(`${group} `)) === name;
}
