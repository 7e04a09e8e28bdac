import { Command, CommanderError } from 'commander';
import { ToolError } from '../../shared/errors.ts';
import type { BootView, PowerView, VersionView } from '../control/wire.ts';
import { formatBoot } from './boot-timeline.ts';
import { askControl } from './control-client.ts';
import { defineServiceCommands } from './service-commands.ts';

/** What `ros` has of the outside. */
export interface RosContext {
  readonly socketPath: string;
  /** The result. */
  readonly out: (text: string) => void;
  /** Errors and what was wrong with the command line. */
  readonly err: (text: string) => void;
}

/**
 * The console command. Answers the exit code: 0, 1 when the machine could not do it, 2 when the command line is wrong.
 *
 * @param argv without the program's name
 */
export async function runRos(argv: readonly string[], context: RosContext): Promise<number> {
  const program = createProgram(context);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof ToolError)) throw error;
    context.err(`ros: ${error.message} (${error.code})\n`);
    if (error.hint !== undefined) context.err(`hint: ${error.hint}\n`);
    return 1;
  }
}

function createProgram(context: RosContext): Command {
  const { socketPath, out, err } = context;
  const program = new Command('ros')
    .description('Looks at this machine and controls it.')
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err })
    .showHelpAfterError('(see "ros --help")')
    .option('-v, --version', 'print the version of the machine')
    .allowExcessArguments()
    .action(async (options: { version?: boolean }) => {
      const [word] = program.args;
      if (word !== undefined) program.error(`error: unknown command '${word}'`);
      if (options.version !== true) {
        program.outputHelp();
        return;
      }
      const version = await askControl<VersionView>(socketPath, 'GET', '/version');
      out(`version v${version.slipwayVersion} from image ${version.name} ${version.version}\n`);
    });
  defineServiceCommands(program, context);
  program
    .command('boot')
    .description('show where the boot time went')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) => {
      const boot = await askControl<BootView>(socketPath, 'GET', '/boot');
      out(options.json === true ? toJson(boot) : formatBoot(boot));
    });
  const power = {
    poweroff: 'switch the machine off',
    reboot: 'restart the machine',
    halt: 'stop the machine, power on',
  };
  for (const [action, description] of Object.entries(power)) {
    program
      .command(action)
      .description(`${description}; services are stopped in reverse order first`)
      .action(async () => {
        const { action: decided } = await askControl<PowerView>(socketPath, 'POST', '/power', {
          body: { action },
        });
        out(decided === action ? `going down (${action})\n` : `going down already (${decided})\n`);
      });
  }
  return program;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
