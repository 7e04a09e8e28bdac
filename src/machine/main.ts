/**
 * The machine's one program. Its first argument says which: `daemon` (system-docker), `system-docker` (its command
 * line), `ros`. init/run-node starts it.
 */
import { messageOf } from '../shared/errors.ts';
import { RUN } from '../shared/paths.ts';

const [, , program, ...argv] = process.argv;

/** Each program is a file of its own in the bundle, read only where it is asked for. */
async function run(): Promise<number> {
  switch (program) {
    case 'daemon': {
      const { runSystemDocker } = await import('./daemon.ts');
      return runSystemDocker();
    }
    case 'ros': {
      const { runRos } = await import('./ros/main.ts');
      return runRos(argv, {
        socketPath: RUN.controlSocket,
        out: text => void process.stdout.write(text),
        err: text => void process.stderr.write(text),
      });
    }
    case 'system-docker': {
      const { runSystemDockerCommand } = await import('./cli/main.ts');
      return runSystemDockerCommand(argv);
    }
    default:
      process.stderr.write('usage: daemon | ros … | system-docker …\n');
      return 2;
  }
}

// A reader that has seen enough (`ros service list | head -1`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

run().then(
  exitCode => {
    process.exitCode = exitCode;
    // What the daemon leaves open (containers' files, watches) must not keep it from being replaced.
    if (program === 'daemon') process.exit();
  },
  (error: unknown) => {
    process.stderr.write(
      `${program ?? ''}: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`,
    );
    process.exitCode = 70;
  },
);
