import { type EngineContext, publish } from '../context.ts';
import { conflict, execEnded } from '../docker-errors.ts';
import { formatSummary } from '../containers/summary.ts';
import { checkExecStart, createExec, startExec } from '../exec/exec-session.ts';
import type { ExecRecord } from '../exec/exec-table.ts';
import type { ExecBackend } from '../http/backend.ts';
import { parseDetachKeys } from '../streams/detach-keys.ts';

/** Execs in Docker's words. */
export function execBackend(context: EngineContext): ExecBackend {
  return {
    create(nameOrId, request) {
      const record = createExec(context, nameOrId, request);
      tell(context, 'exec_create', record, { detail: record.config.command.join(' ') });
      return record.id;
    },
    checkStart: id => checkExecStart(context, id),
    async start(id) {
      const session = await startExec(context, id);
      const record = context.execs.get(id);
      tell(context, 'exec_start', record, { detail: record.config.command.join(' ') });
      const ended = (exitCode: number): void =>
        tell(context, 'exec_die', record, { exitCode: String(exitCode) });
      session.exitCode.then(ended, () => ended(126));
      return session;
    },
    detached: id => tell(context, 'exec_detach', context.execs.get(id), {}),
    hasTerminal: id => context.execs.get(id).config.tty,
    attachesTo(id) {
      const { config } = context.execs.get(id);
      return { stdout: config.attachStdout, stderr: config.attachStderr };
    },
    detachKeys: id => context.execs.get(id).config.detachKeys ?? '',
    resize(id, rows, columns) {
      const { resize, state } = context.execs.get(id);
      if (state.status === 'exited') throw execEnded(id);
      if (resize === undefined) throw conflict('timeout waiting for exec session ready');
      resize(rows, columns);
    },
    inspect(id) {
      const { containerId, config, state } = context.execs.get(id);
      const [entrypoint = '', ...words] = config.command;
      return {
        ID: id,
        Running: state.status === 'running',
        ExitCode: state.status === 'exited' ? state.exitCode : null,
        ProcessConfig: {
          tty: config.tty,
          entrypoint,
          arguments: words,
          privileged: config.privileged,
          ...(config.user === undefined ? {} : { user: config.user }),
        },
        OpenStdin: config.attachStdin,
        OpenStderr: config.attachStderr,
        OpenStdout: config.attachStdout,
        CanRemove: false,
        ContainerID: containerId,
        // Bytes, which Docker writes so.
        DetachKeys: formatKeys(config.detachKeys ?? ''),
        Pid: state.status === 'created' ? 0 : state.pid,
      };
    },
  };
}

function formatKeys(keys: string): string {
  return keys === '' ? '' : parseDetachKeys(keys).toString('base64');
}

/** Probes of the engine's own are not told of: they would push everything else out of what is kept. */
function tell(
  context: EngineContext,
  action: 'exec_create' | 'exec_start' | 'exec_detach' | 'exec_die',
  { id, containerId }: ExecRecord,
  attributes: Readonly<Record<string, string>>,
): void {
  const container = context.table.find(containerId);
  // It may have been removed under its exec.
  if (container !== undefined)
    publish(context, action, formatSummary(container), { ...attributes, execID: id });
}
