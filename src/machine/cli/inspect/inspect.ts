import { ToolError } from '../../../shared/errors.ts';
import { CommandFailure, describeFault, isNotFound } from '../failure.ts';
import type { Definition, DockerCommand } from '../flags.ts';
import { imagePath } from '../image/image.ts';
import { containerPath } from '../container/lifecycle.ts';
import { networkPath } from '../network/network.ts';
import type { Session } from '../session.ts';
import { type CompiledTemplate, compileTemplate } from '../template.ts';
import { compactJson, formatJson, parseJson } from '../template/values.ts';
import { indentJson } from './indent-json.ts';
import { type Shape, applyShape } from './shape.ts';
import { CONTAINER, IMAGE, NETWORK, VOLUME } from './shapes.ts';

interface InspectOptions {
  readonly format?: string;
  readonly size?: boolean;
  readonly type?: string;
}

/** What was found: the answer as it came, and what a template sees. */
interface Found {
  readonly text: string;
  readonly shape: Shape;
}

type Find = (session: Session, name: string, size: boolean) => Promise<Found>;

const FIND = {
  container: async ({ client }, name, size) => ({
    text: await client.text('GET', containerPath(name, '/json'), { query: size ? { size: '1' } : {} }),
    shape: CONTAINER,
  }),
  image: async ({ client }, name) => ({
    text: await client.text('GET', imagePath(name, '/json')),
    shape: IMAGE,
  }),
  network: async ({ client }, name) => ({
    text: await client.text('GET', networkPath(name)),
    shape: NETWORK,
  }),
  volume: async ({ client }, name) => ({
    text: await client.text('GET', `/volumes/${encodeURIComponent(name)}`),
    shape: VOLUME,
  }),
} as const satisfies Readonly<Record<string, Find>>;

type Kind = keyof typeof FIND;

function isKind(word: string): word is Kind {
  return Object.hasOwn(FIND, word);
}

/** `inspect`: of the first kind of object that has the name. */
export const defineInspect: Definition = (command, session) => {
  command
    .operands('NAME|ID [NAME|ID...]', 1)
    .option('-s, --size', 'show sizes of files of containers')
    .option('--type <string>', 'kind of object: container, image, network or volume');
  declareFormat(command).runs<InspectOptions>(session, async (names, options) => {
    const { type = '', size = false } = options;
    if (type !== '' && !isKind(type)) {
      throw new CommandFailure(1, `${JSON.stringify(type)} is not a valid value for --type`);
    }
    const kinds: readonly Find[] = type === '' ? Object.values(FIND) : [FIND[type]];
    if (size && type !== '' && type !== 'container') {
      await session.printError(`WARNING: --size ignored for ${type}\n`);
    }
    await inspect(session, names, options.format, async name => {
      for (const find of kinds) {
        try {
          return await find(session, name, size);
        } catch (error) {
          if (kinds.length === 1) throw error;
          // A resource that this machine does not have holds nothing of that name either.
          const isAbsent = isNotFound(error) || (error instanceof ToolError && error.kind === 'unsupported');
          if (!isAbsent) throw error;
        }
      }
      throw new CommandFailure(1, `Error: No such object: ${name}`);
    });
  });
};

/** `container inspect` */
export const defineInspectContainer: Definition = (command, session) => {
  command.operands('CONTAINER [CONTAINER...]', 1).option('-s, --size', 'show sizes of files');
  defineOne(command, session, 'container');
};

/** `image inspect` */
export const defineInspectImage: Definition = (command, session) => {
  command.operands('IMAGE [IMAGE...]', 1);
  defineOne(command, session, 'image');
};

/** `volume inspect` */
export const defineInspectVolume: Definition = (command, session) => {
  declareFormat(command.operands('VOLUME [VOLUME...]', 1)).runs<InspectOptions>(
    session,
    (names, { format }) =>
      inspect(session, names, format, async name => {
        const found = await FIND.volume(session, name);
        // Of volumes alone Docker's client prints its own structure, not the answer.
        return { ...found, text: formatJson(applyShape(VOLUME, parseJson(found.text))) };
      }),
  );
};

/** `network inspect` */
export const defineInspectNetwork: Definition = (command, session) => {
  command.operands('NETWORK [NETWORK...]', 1).option('-v, --verbose', 'everything, for finding faults');
  declareFormat(command).runs<InspectOptions & { readonly verbose?: boolean }>(
    session,
    (names, { format, verbose = false }) =>
      inspect(session, names, format, async name => ({
        text: await session.client.text('GET', networkPath(name), {
          query: verbose ? { verbose: 'true' } : {},
        }),
        shape: NETWORK,
      })),
  );
};

function defineOne(command: DockerCommand, session: Session, kind: Kind): void {
  declareFormat(command).runs<InspectOptions>(session, (names, { format, size = false }) =>
    inspect(session, names, format, name => FIND[kind](session, name, size)),
  );
}

function declareFormat(command: DockerCommand): DockerCommand {
  return command.option('-f, --format <string>', 'how to print: json or a template');
}

async function inspect(
  session: Session,
  names: readonly string[],
  format: string | undefined,
  find: (name: string) => Promise<Found>,
): Promise<void> {
  const template = format === undefined || format === '' || format === 'json' ? undefined : compile(format);
  const faults: string[] = [];
  const found: Found[] = [];
  const lines: string[] = [];
  for (const name of names) {
    try {
      const item = await find(name);
      if (template === undefined) found.push(item);
      else lines.push(execute(template, item));
    } catch (error) {
      if (error instanceof ToolError && error.code === 'ENGINE_UNREACHABLE') throw error;
      faults.push(error instanceof CommandFailure ? error.message : describeFault(error));
    }
  }
  if (template !== undefined) await session.print(lines.length === 0 ? '\n' : lines.join(''));
  else if (format === 'json') {
    await session.print(`${compactJson(found.map(({ text }) => parseJson(text)))}\n`);
  } else await session.print(formatFound(found));
  if (faults.length > 0) throw new CommandFailure(1, faults.join('\n'));
}

/** The answers themselves, indented. */
function formatFound(found: readonly Found[]): string {
  const texts = found.map(({ text }) => text.trim());
  return `${indentJson(`[${texts.join(',')}]`)}\n`;
}

function compile(format: string): CompiledTemplate {
  try {
    return compileTemplate(format);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new CommandFailure(64, `template parsing error: ${error.message}`);
  }
}

/** Go's structure first; what it does not know may still be in the answer. */
function execute(template: CompiledTemplate, { text, shape }: Found): string {
  const raw = parseJson(text);
  try {
    return `${template.execute(applyShape(shape, raw))}\n`;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
  }
  try {
    return `${template.execute(raw, { failsForMissing: true })}\n`;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new CommandFailure(1, `template parsing error: ${error.message}`);
  }
}
