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
export function imagePlatformMissing(platform: string): ToolError {
  return refuse(
    'OCI_PLATFORM_MISSING',
    'not-found',
    `no matching manifest for ${platform} in the manifest list entries`,
  );
}

/** 404: what is to be pushed is not here */
export function tagNotLocal(name: string): ToolError {
  return refuse('IMAGE_NOT_FOUND', 'not-found', `An image does not exist locally with the tag: ${name}`);
}

/** 409: an image that must stay */
export function imageConflict(message: string): ToolError {
  return refuse('IMAGE_IN_USE', 'conflict', message);
}

/** 503: before the engine has its folders, which no client sees. */
export function imageStoreMissing(): ToolError {
  return refuse('IMAGE_STORE_MISSING', 'unavailable', 'there is no place for images yet');
}

/** 404: one that has ended */
export function execEnded(id: string): ToolError {
  return refuse('EXEC_NOT_FOUND', 'not-found', `process does not exist ${id}: not found`);
}

/** 404 */
export function noSuchExec(id: string): ToolError {
  return refuse('EXEC_NOT_FOUND', 'not-found', `No such exec instance: ${id}`);
}

/** 404 */
export function noSuchNetwork(name: string): ToolError {
  return refuse('NETWORK_NOT_FOUND', 'not-found', `network ${name} not found`);
}

/** 400 */
export function ambiguousNetwork(name: string, count: number): ToolError {
  return invalidParameter(
    `network ${name} is ambiguous (${count} matches found based on ID prefix)`,
    'NETWORK_AMBIGUOUS',
  );
}

/** 404 */
export function noSuchNetworkDriver(driver: string): ToolError {
  return refuse('NETWORK_DRIVER_NOT_FOUND', 'not-found', `plugin "${driver}" not found`);
}

/** 409 */
export function networkNameInUse(name: string): ToolError {
  return refuse('NETWORK_NAME_CONFLICT', 'conflict', `network with name ${name} already exists`);
}

/** 403: networks that must stay as they are, addresses that belong to others. */
export function networkRefused(message: string): ToolError {
  return refuse('NETWORK_REFUSED', 'forbidden', message);
}

/** 500: a port of the machine that somebody has. */
export function portNotPublished(message: string): ToolError {
  return refuse('PORT_NOT_PUBLISHED', 'environment', message);
}

/** 404 */
export function noSuchVolume(name: string): ToolError {
  const doing = name === '' ? 'get' : `get ${name}`;
  return refuse('VOLUME_NOT_FOUND', 'not-found', `${doing}: no such volume`);
}

/** 404 */
export function noSuchVolumeDriver(name: string, driver: string): ToolError {
  return refuse(
    'VOLUME_DRIVER_NOT_FOUND',
    'not-found',
    `create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`,
  );
}

/** 404 */
export function noSuchFile(path: string, container: string): ToolError {
  return refuse(
    'CONTAINER_FILE_NOT_FOUND',
    'not-found',
    `Could not find the file ${path} in container ${container}`,
  );
}

/** 500: what the file system said, without the way that the engine took there. */
export function filesFailed(doing: string, cause: Error): ToolError {
  const reason = cause.message.split(',')[0] ?? '';
  return refuse('CONTAINER_FILES_FAILED', 'io', `${doing}: ${reason}`, cause);
}

/** 409 */
export function volumeInUse(name: string, containers: readonly string[]): ToolError {
  const users = containers.length === 0 ? '' : ` - [${containers.join(', ')}]`;
  return refuse('VOLUME_IN_USE', 'conflict', `remove ${name}: volume is in use${users}`);
}

/** 500 */
export function volumeNotMounted(folder: string, reason: string): ToolError {
  return refuse(
    'VOLUME_MOUNT_FAILED',
    'environment',
    `error while mounting volume '${folder}': failed to mount local volume: ${reason}`,
  );
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

/** 503: what only a member of a swarm can do. */
export function notInSwarm(): ToolError {
  return refuse(
    'ENGINE_NOT_IN_SWARM',
    'unavailable',
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );
}

/** The same refusal with more words before it. */
export function withWords(error: unknown, doing: string): unknown {
  if (!(error instanceof ToolError)) return error;
  const { message, code, kind } = error;
  return new ToolError(`${doing}: ${message}`, { code, kind, cause: error });
}

/** 400 */
export function invalidParameter(message: string, code = 'ENGINE_INVALID_PARAMETER'): ToolError {
  return refuse(code, 'invalid-input', message);
}

/** 400: what is to be bound is not there. */
export function noBindSource(source: string): ToolError {
  return invalidParameter(`invalid mount config for type "bind": bind source path does not exist: ${source}`);
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

/** 500, as Docker has it */
export function notPaused(id: string): ToolError {
  return refuse('CONTAINER_NOT_PAUSED', 'environment', `Container ${id} is not paused`);
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
export function notReadable(): ToolError {
  return refuse('ENGINE_NOT_SUPPORTED', 'unsupported', 'configured logging driver does not support reading');
}

/** 501 */
export function notSupported(what: string): ToolError {
  return refuse('ENGINE_NOT_SUPPORTED', 'unsupported', `${what} is not supported yet`);
}

/** 501 */
export function missingProgram(program: string, what: string): ToolError {
  return new ToolError(`${what} needs the program ${program}, which this machine's image leaves out`, {
    code: 'ENGINE_PROGRAM_MISSING',
    kind: 'unsupported',
    hint: `add ${program} to the image`,
  });
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
