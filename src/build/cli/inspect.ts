import { resolve } from 'node:path';
import { ToolError } from '../../shared/errors.ts';
import { MEDIUM } from '../../shared/paths.ts';
import type { BuildRecord } from '../inspect/build-record.ts';
import { parseBuildRecord } from '../inspect/parse-record.ts';
import { formatLockedProject, formatRecord } from '../inspect/format-record.ts';
import { IsoReader } from '../inspect/iso-reader.ts';
import { loadLock } from '../lock/lock-file.ts';
import { loadProject } from '../project.ts';
import type { CommandContext } from './context.ts';

export interface InspectArguments {
  readonly subject: string;
  readonly json?: boolean;
}

const MAX_RECORD_BYTES = 16 * 1024 ** 2;

/** `slipway inspect`: what an ISO holds, or what a manifest's lock says it will. */
export async function inspectCommand(context: CommandContext, args: InspectArguments): Promise<number> {
  const path = resolve(context.workingDirectory, args.subject);
  if (/\.ya?ml$/i.test(path)) {
    const project = await loadProject({ ...context, manifests: [args.subject], allowHostFiles: true });
    const lock = await loadLock(project.lockPath);
    if (!lock) {
      throw new ToolError(`inspecting ${args.subject}: it has no lock yet`, {
        code: 'LOCK_MISSING',
        kind: 'not-found',
        hint: `run "slipway lock ${args.subject}" first`,
      });
    }
    context.endReport();
    context.stdout.write(
      args.json ? `${JSON.stringify(lock, null, 2)}\n` : formatLockedProject(project, lock),
    );
    return 0;
  }
  const record = await readRecord(path);
  context.endReport();
  context.stdout.write(args.json ? `${JSON.stringify(record, null, 2)}\n` : formatRecord(record));
  return 0;
}

async function readRecord(path: string): Promise<BuildRecord> {
  await using iso = await IsoReader.open(path);
  for (const folder of (await iso.list(MEDIUM.root)) ?? []) {
    const bytes = await iso.read(`${MEDIUM.root}/${folder}/build.json`, MAX_RECORD_BYTES);
    if (bytes) return parseBuildRecord(bytes.toString('utf8'), path);
  }
  throw new ToolError(`inspecting ${path}: it holds no build record of slipway`, {
    code: 'RECORD_MISSING',
    kind: 'not-found',
    hint: 'name an ISO that "slipway build" made, or a manifest',
  });
}
