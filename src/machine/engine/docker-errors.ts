import { ToolError, type ErrorKind } from '../../shared/errors.ts';

/**
 * Refusals in Docker's own sentences, word for word: clients match them. The code is ours.
 */

function refuse(code: string, kind: ErrorKind, message: string, cause?: unknown): ToolError {
  return new ToolError(message, { code, kind, cause });
}

/** 404 */
export function noSuchContainer(name: string): ToolError {
  return refuse('CONTAINER_NOT_FOUND', 'not-found', `No such container: ${name}`);
}

/** 404 */
export function noSuchImage(name: string): ToolError {
  return refuse('IMAGE_NOT_FOUND', 'not-found', `No such image: ${name}`);
}

/** 404 */
export function noSuchExec(id: string): ToolError {
  return refuse('EXEC_NOT_FOUND', 'not-found', `No such exec instance: ${id}`);
}

/** 409 */
export function nameInUse(name: string, id: string): ToolError {
  return refuse(
    'CONTAINER_NAME_CONFLICT',
    'conflict',
    `Conflict. The container name "/${name}" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}

/** 400 */
export function invalidName(name: string): ToolError {
  return invalidParameter(
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    'CONTAINER_NAME_INVALID',
  );
}

/** 400 */
export function invalidParameter(message: string, code = 'ENGINE_INVALID_PARAMETER'): ToolError {
  return refuse(code, 'invalid-input', message);
}

/** 409 */
export function notRunning(id: string, doing?: string): ToolError {
  const sentence = `container ${id} is not running`;
  return refuse(
    'CONTAINER_NOT_RUNNING',
    'conflict',
    doing === undefined ? sentence : `${doing}: ${sentence}`,
  );
}

/** 409 */
export function conflict(message: string): ToolError {
  return refuse('CONTAINER_STATE_CONFLICT', 'conflict', message);
}

/** 304, which has no body: the container already is what was asked for. */
export function notModified(what: string): ToolError {
  return refuse('CONTAINER_UNCHANGED', 'not-modified', what);
}

/** 501 */
export function notSupported(what: string): ToolError {
  return refuse('ENGINE_NOT_SUPPORTED', 'unsupported', `${what} is not supported yet`);
}

/** The container's process could not be started; `exitCode` is what Docker shows for it. */
export class StartFailure extends ToolError {
  readonly exitCode: number;

  constructor(message: string, exitCode: number, cause?: unknown) {
    super(message, {
      code: 'CONTAINER_START_FAILED',
      kind: exitCode === 128 ? 'environment' : 'invalid-input',
      cause,
    });
    this.exitCode = exitCode;
  }
}
