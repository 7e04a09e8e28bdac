import type { EngineContext } from '../context.ts';
import { notRunning } from '../docker-errors.ts';
import { createExec, startExec } from '../exec/exec-session.ts';
import type { ExecBackend } from '../http/backend.ts';

/** Execs in Docker's words. */
export function execBackend(context: EngineContext): ExecBackend {
  return {
    create: (nameOrId, request) => createExec(context, nameOrId, request).id,
    start: id => startExec(context, id),
    hasTerminal: id => context.execs.get(id).config.tty,
    detachKeys: id => context.execs.get(id).config.detachKeys ?? '',
    resize(id, rows, columns) {
      const { resize, containerId } = context.execs.get(id);
      if (resize === undefined) throw notRunning(containerId, `cannot resize exec ${id}`);
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
        CanRemove: state.status === 'exited',
        ContainerID: containerId,
        DetachKeys: config.detachKeys ?? '',
        Pid: state.status === 'created' ? 0 : state.pid,
      };
    },
  };
}
