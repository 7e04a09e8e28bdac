import { messageOf } from '../../../shared/errors.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { conflict, missingProgram } from '../docker-errors.ts';
import { endOfLog } from '../logs/held-log.ts';
import { type LogReading, openLog } from '../logs/log-reader.ts';
import { type ContainerInput, openContainerInput } from '../runtime/container-input.ts';
import { type ContainerRecord, isLive } from '../store/container-record.ts';
import { maxBehindBytes, onEveryChange } from './logs.ts';

export interface AttachOptions {
  /** Begin with everything that is in the log. */
  readonly logs: boolean;
  /** Go on with what is written from now on, to the end of this life of the container. */
  readonly stream: boolean;
  /** Take input. */
  readonly stdin: boolean;
}

/** A client's place at a container: its output out of the log, and a way in. */
export interface Attachment extends Disposable {
  readonly reading: LogReading;
  /** False where the container takes no input: what comes is to be dropped. */
  readonly takesInput: boolean;
  /** Waits until the container runs and takes it. After its end, input is dropped. */
  write(data: Buffer): Promise<void>;
  /** The client's input is over; true when output goes on, as the container was told of it. */
  endInput(): Promise<boolean>;
  /** Output ends with what is there now. */
  finish(): void;
  /** The client left with its detach keys. */
  detached(): void;
}

/**
 * Attaches to the container's present life or, if it does not run, to its next one. The end of that life
 * ends the output, and so does a start that fails.
 * Throws CONTAINER_NOT_FOUND, CONTAINER_STATE_CONFLICT, ENGINE_PROGRAM_MISSING.
 */
export function attachContainer(
  context: EngineContext,
  nameOrId: string,
  options: AttachOptions,
): Attachment {
  const record = context.table.resolve(nameOrId);
  const { id, request } = record;
  if (record.state.status === 'paused') {
    throw conflict(`container ${nameOrId} is paused, unpause the container before attach`);
  }
  if (record.state.status === 'restarting') {
    throw conflict(`container ${nameOrId} is restarting, wait until the container is running`);
  }
  const takesInput = options.stdin && options.stream && request.OpenStdin === true;
  const { socat } = context.config.programs;
  if (takesInput && socat === undefined) throw missingProgram('socat', "attaching to a container's input");
  const { logs, bundle } = context.table.paths(id);
  const life = new LifeWatch(record);
  const from = options.logs ? undefined : endOfLog(logs);
  let isFinished = false;
  let wake = (): void => undefined;
  const reading = openLog(logs, {
    follow: options.stream,
    ...(from === undefined ? {} : { from }),
    isOver: () => life.isOver || isFinished,
    onWake(look) {
      wake = look;
      return onEveryChange(context, id, now => {
        life.see(now);
        look();
      });
    },
    maxBehindBytes: maxBehindBytes(context, id),
  });
  const input = takesInput && socat !== undefined ? connect(context, life, socat, bundle) : undefined;
  publish(context, 'attach', summaryOf(context, id));
  return {
    reading,
    takesInput,
    async write(data) {
      await (await input?.ready)?.write(data);
    },
    async endInput() {
      if (request.StdinOnce !== true || request.Tty === true) return false;
      (await input?.ready)?.end();
      return true;
    },
    finish() {
      isFinished = true;
      wake();
    },
    detached() {
      publish(context, 'detach', summaryOf(context, id));
    },
    [Symbol.dispose]() {
      reading[Symbol.dispose]();
      input?.close();
    },
  };
}

/** Opens the way in as soon as the container runs; undefined if it never does. */
function connect(
  context: EngineContext,
  life: LifeWatch,
  socat: string,
  bundle: string,
): { readonly ready: Promise<ContainerInput | undefined>; readonly close: () => void } {
  let isClosed = false;
  const ready = life.started.then(hasStarted => {
    if (!hasStarted || isClosed) return undefined;
    try {
      return openContainerInput(socat, bundle);
    } catch (error) {
      context.log.warning('a container could not be given input', { reason: messageOf(error) });
      return undefined;
    }
  });
  return {
    ready,
    close() {
      isClosed = true;
      void ready.then(input => input?.[Symbol.dispose]());
    },
  };
}

/** Follows one life of a container through the changes of its record. */
class LifeWatch {
  readonly #start = Promise.withResolvers<boolean>();
  /** Of the life that is watched, once it has begun. */
  #startedAtMs: number | undefined;
  #wasStarting = false;
  #isOver = false;

  constructor(record: ContainerRecord) {
    this.see(record);
  }

  /** True once it runs, false when it is clear that it won't. */
  get started(): Promise<boolean> {
    return this.#start.promise;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  see(record: ContainerRecord | undefined): void {
    if (this.#isOver) return;
    const startedAtMs = record !== undefined && isLive(record.state) ? record.state.startedAtMs : undefined;
    if (this.#startedAtMs === undefined && startedAtMs !== undefined) {
      this.#startedAtMs = startedAtMs;
      this.#start.resolve(true);
    }
    const hasEnded = this.#startedAtMs !== undefined && startedAtMs !== this.#startedAtMs;
    const hasFailed = this.#startedAtMs === undefined && this.#wasStarting && record?.starting !== true;
    this.#wasStarting = record?.starting === true;
    if (record !== undefined && !hasEnded && !hasFailed) return;
    this.#isOver = true;
    this.#start.resolve(false);
  }
}
