import type { Definition } from '../flags.ts';
import { refuseTerminal, writeArchive } from '../files.ts';
import { containerPath } from './lifecycle.ts';

/** `export` */
export const defineExport: Definition = (command, session) => {
  command
    .operands('CONTAINER', 1, 1)
    .option('-o, --output <string>', 'write this file instead of stdout')
    .runs<{ readonly output?: string }>(session, async ([container = ''], { output }) => {
      refuseTerminal(session, output, 'cowardly refusing to save to a terminal. Use the -o flag or redirect');
      const archive = await session.client.stream('GET', containerPath(container, '/export'));
      await writeArchive(session, archive, output);
    });
};
