import { Readable } from 'node:stream';
import { basename, dirname, posix, resolve } from 'node:path';
import { stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { writeTar } from '../../../shared/archive/tar.ts';
import { isSystemError } from '../../../shared/errors.ts';
import { CommandFailure, isNotFound } from '../failure.ts';
import type { Definition } from '../flags.ts';
import { writeArchive } from '../files.ts';
import type { Session } from '../session.ts';
import { formatSize } from '../units.ts';
import { entriesOf, statOf } from './copy-in.ts';
import { extractArchive } from './copy-out.ts';
import { containerPath } from './lifecycle.ts';

interface CopyOptions {
  readonly archive?: boolean;
  readonly followLink?: boolean;
  readonly quiet?: boolean;
}

/** `cp` */
export const defineCopy: Definition = (command, session) => {
  command
    .operands('CONTAINER:SRC_PATH DEST_PATH|- | SRC_PATH|- CONTAINER:DEST_PATH', 2, 2)
    .option('-a, --archive', 'keep owners')
    .option('-L, --follow-link', 'copy what a link leads to')
    .option('-q, --quiet', 'say nothing')
    .runs<CopyOptions>(session, async ([from = '', to = ''], options) => {
      if (from === '') throw new CommandFailure(1, 'source can not be empty');
      if (to === '') throw new CommandFailure(1, 'destination can not be empty');
      const source = splitPlace(from);
      const target = splitPlace(to);
      if (source.container !== undefined && target.container !== undefined) {
        throw new CommandFailure(1, 'copying between containers is not supported');
      }
      if (source.container !== undefined) {
        await copyFromContainer(session, source.container, source.path, to, options);
      } else if (target.container !== undefined) {
        await copyToContainer(session, from, target.container, target.path, options);
      } else throw new CommandFailure(1, 'must specify at least one container source');
    });
};

/** `CONTAINER:PATH`, or a path of this machine: one that begins like a path has no container before a colon. */
function splitPlace(text: string): { readonly container?: string; readonly path: string } {
  if (/^[./]/.test(text) || !text.includes(':')) return { path: text };
  const [container = '', path = ''] = text.split(/:(.*)/s);
  return { container, path };
}

interface PathStat {
  readonly name: string;
  readonly mode: number;
  readonly linkTarget: string;
}

/** Go's bit for folders and links in a mode. */
const IS_FOLDER = 0x8000_0000;
const IS_LINK = 0x0800_0000;

function hasBit(mode: number, bit: number): boolean {
  return Math.floor(mode / bit) % 2 === 1;
}

function statOfResponse(response: IncomingMessage): PathStat {
  const header = response.headers['x-docker-container-path-stat'];
  if (typeof header !== 'string') throw new CommandFailure(1, 'the engine did not say what it copies');
  return JSON.parse(Buffer.from(header, 'base64').toString('utf8')) as PathStat;
}

async function statInContainer(
  { client }: Session,
  container: string,
  path: string,
): Promise<PathStat | undefined> {
  try {
    const response = await client.stream('HEAD', containerPath(container, '/archive'), { query: { path } });
    response.resume();
    return statOfResponse(response);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function copyFromContainer(
  session: Session,
  container: string,
  given: string,
  to: string,
  options: CopyOptions,
): Promise<void> {
  let path = given;
  if (to !== '-' && !to.endsWith('/') && !to.endsWith('/.')) await checkParent(to);
  if (options.followLink === true) {
    const found = await statInContainer(session, container, path);
    if (found !== undefined && hasBit(found.mode, IS_LINK))
      path = posix.resolve(posix.dirname(path), found.linkTarget);
  }
  const response = await session.client.stream('GET', containerPath(container, '/archive'), {
    query: { path },
  });
  if (to === '-') {
    await writeArchive(session, response, undefined);
    return;
  }
  const source = statOfResponse(response);
  const isFolder = hasBit(source.mode, IS_FOLDER);
  const contentOnly = isFolder && /(^|\/)\.$/.test(given);
  const folder = resolve(to);
  const existing = await infoOf(to);
  const counter = { bytes: 0 };
  const archive = counted(response, counter);
  const place = { folder, to: source.name, keepsOwners: options.archive === true };
  if (existing === undefined) {
    if (to.endsWith('/') && !isFolder) throw new CommandFailure(1, 'no such directory');
    // Nothing is there: what is copied gets that name.
    await extractArchive(archive, { ...place, folder: dirname(folder), to: basename(folder) });
  } else if (!existing.isDirectory()) {
    if (isFolder) throw new CommandFailure(1, 'cannot copy directory');
    await extractArchive(archive, { ...place, folder: dirname(folder), to: basename(folder) });
  } else await extractArchive(archive, contentOnly ? { ...place, to: '' } : place);
  await report(session, options, `Successfully copied ${formatSize(counter.bytes)} to ${to}\n`);
}

async function checkParent(to: string): Promise<void> {
  const parent = dirname(resolve(to));
  const info = await infoOf(parent);
  if (info?.isDirectory() !== true) {
    throw new CommandFailure(1, `invalid output path: directory ${JSON.stringify(parent)} does not exist`);
  }
}

async function infoOf(path: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

async function copyToContainer(
  session: Session,
  from: string,
  container: string,
  path: string,
  options: CopyOptions,
): Promise<void> {
  let target = path;
  let found = await statInContainer(session, container, target);
  if (found !== undefined && hasBit(found.mode, IS_LINK)) {
    // A link's own place is not written over; what it leads to is.
    target = posix.resolve(posix.dirname(target), found.linkTarget);
    found = await statInContainer(session, container, target);
  }
  const isFolder = found !== undefined && hasBit(found.mode, IS_FOLDER);
  const put = (folder: string, upload: Readable): Promise<unknown> =>
    session.client.request('PUT', containerPath(container, '/archive'), {
      query: {
        path: folder,
        noOverwriteDirNonDir: 'true',
        copyUIDGID: options.archive === true ? 'true' : undefined,
      },
      headers: { 'Content-Type': 'application/x-tar' },
      upload,
    });
  if (from === '-') {
    if (!isFolder) throw new CommandFailure(1, `destination "${container}:${path}" must be a directory`);
    await put(target, session.streams.stdin);
    return;
  }
  const contentOnly = /(^|\/)\.$/.test(from);
  const source = await statOf(
    resolve(from),
    options.followLink === true || contentOnly || from.endsWith('/'),
  );
  if (source.isDirectory() && found !== undefined && !isFolder) {
    throw new CommandFailure(1, 'cannot copy directory');
  }
  const name = isFolder ? (contentOnly ? '' : basename(resolve(from))) : posix.basename(target);
  const folder = isFolder ? target : parentOf(target);
  const entries = entriesOf(
    resolve(from),
    name,
    options.followLink === true || contentOnly || from.endsWith('/'),
  );
  const counter = { bytes: 0 };
  const archive = counted(writeTar(entries), counter);
  await put(folder, Readable.from(archive, { objectMode: false }));
  await report(
    session,
    options,
    `Successfully copied ${formatSize(counter.bytes)} to ${container}:${path}\n`,
  );
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  counter: { bytes: number },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    counter.bytes += chunk.length;
    yield chunk;
  }
}

/** The folder that holds a path of a container; relative ones stay so. */
function parentOf(path: string): string {
  return posix.dirname(path.replace(/\/+$/, ''));
}

/** Told to people only, as Docker's client has it. */
async function report(session: Session, { quiet = false }: CopyOptions, text: string): Promise<void> {
  if (!quiet && session.streams.stderr.isTTY) await session.printError(text);
}
