import { resolve } from 'node:path';
import { ToolError } from '../../shared/errors.ts';
import { formatLockedProject, formatRecord } from '../inspect/format-record.ts';
import { readRecord } from '../inspect/read-record.ts';
import { loadLock } from '../lock/lock-file.ts';
import { loadProject } from '../project.ts';
import type { CommandContext } from './context.ts';
import { lockCommandLine } from './project-lock.ts';

export interface InspectArguments {
  /** One artifact, or manifests that are joined. */
  readonly subjects: readonly string[];
  readonly json?: boolean;
}

/** `slipway inspect`: what an artifact holds, or what a manifest's lock says it will. */
export async function inspectCommand(context: CommandContext, args: InspectArguments): Promise<number> {
  const [artifact = '', ...others] = args.subjects;
  if (/\.ya?ml$/i.test(artifact) || others.length > 0) {
    const project = await loadProject({ ...context, manifests: args.subjects, allowHostFiles: true });
    const lock = await loadLock(project.lockPath);
    if (!lock) {
      throw new ToolError(`inspecting ${args.subjects.join(' and ')}: there is no ${project.lockPath} yet`, {
        code: 'LOCK_MISSING',
        kind: 'not-found',
        hint: `run "${lockCommandLine(project)}" first`,
      });
    }
    context.endReport();
    context.stdout.write(
      args.json ? `${JSON.stringify(lock, null, 2)}\n` : formatLockedProject(project, lock),
    );
    return 0;
  }
  const record = await readRecord(resolve(context.workingDirectory, artifact));
  context.endReport();
  context.stdout.write(args.json ? `${JSON.stringify(record, null, 2)}\n` : formatRecord(record));
  return 0;
}
