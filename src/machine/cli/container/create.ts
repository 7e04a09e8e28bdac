import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { ToolError } from '../../../shared/errors.ts';
import { CommandFailure, describeFault } from '../failure.ts';
import type { Definition, DockerCommand } from '../flags.ts';
import { pullImage } from '../image/pull.ts';
import { parseImageName } from '../image/reference.ts';
import type { Session } from '../session.ts';
import { createBody } from './create-body.ts';
import { type CreateOptions, declareCreateFlags } from './create-flags.ts';

/** `create` */
export const defineCreate: Definition = (command, session) => {
  command.stopsAtOperand = true;
  command.operands('IMAGE [COMMAND] [ARG...]', 1);
  declareCreateFlags(command);
  command.runs<CreateOptions>(session, async ([image = '', ...words], options) => {
    const body = await asUsage(command, () => {
      checkPull(options.pull);
      return createBody(image, words, options, session.env);
    });
    const id = await createContainer(session, body, image, options);
    await session.print(`${id}\n`);
  });
};

/** Faults of the command line itself, in the words of `docker run`. */
export async function asUsage<T>(command: DockerCommand, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof CommandFailure && error.exitCode === 125) {
      throw new CommandFailure(125, `system-docker: ${error.message}.\nSee '${command.path} --help'.`);
    }
    throw error;
  }
}

/** Throws CommandFailure (125) for what --pull cannot be. */
export function checkPull(pull: string): void {
  if (['always', 'missing', 'never', ''].includes(pull)) return;
  throw new CommandFailure(
    125,
    `invalid pull option: '${pull}': must be one of "always", "missing" or "never"`,
  );
}

/** Makes the container, pulling its image when that is missing or always asked for. Answers its id. */
export async function createContainer(
  session: Session,
  body: object,
  image: string,
  options: CreateOptions,
): Promise<string> {
  const { cidfile } = options;
  if (cidfile !== undefined && existsSync(cidfile)) {
    throw new CommandFailure(
      125,
      `container ID file found, make sure the other container isn't running or delete ${cidfile}`,
    );
  }
  const pull = async (): Promise<void> => {
    await pullImage(session, parseImageName(image), {
      platform: options.platform,
      output: options.quiet === true ? undefined : session.streams.stderr,
    });
  };
  const create = async (): Promise<CreateAnswer> =>
    (await session.client.request('POST', '/containers/create', {
      query: { name: options.name, platform: options.platform?.toLowerCase() },
      body,
    })) as CreateAnswer;
  if (options.pull === 'always') await pull();
  let answer: CreateAnswer;
  try {
    answer = await create();
  } catch (error) {
    if (options.pull === 'never' || !isMissingImage(error)) throw error;
    if (options.quiet !== true) {
      const { repository, tag } = parseImageName(image);
      const shown = tag?.startsWith('sha256:') === true ? `@${tag}` : `:${tag ?? 'latest'}`;
      await session.printError(`Unable to find image '${repository}${shown}' locally\n`);
    }
    await pull();
    answer = await create();
  }
  for (const warning of answer.Warnings ?? []) await session.printError(`WARNING: ${warning}\n`);
  if (cidfile !== undefined) await writeFile(cidfile, answer.Id);
  return answer.Id;
}

interface CreateAnswer {
  readonly Id: string;
  readonly Warnings?: readonly string[] | null;
}

function isMissingImage(error: unknown): boolean {
  return (
    error instanceof ToolError && error.kind === 'not-found' && /No such image/i.test(describeFault(error))
  );
}
