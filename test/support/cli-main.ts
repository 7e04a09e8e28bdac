/** The system-docker command as a program of its own, for tests. */
import { runSystemDockerCommand } from '../../src/machine/cli/main.ts';

process.exitCode = await runSystemDockerCommand(process.argv.slice(2));
