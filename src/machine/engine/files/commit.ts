import { parseImageConfig } from '../../../shared/oci/image.ts';
import type { ImageRunConfig } from '../../../shared/oci/image.ts';
import { familiarName, formatReference } from '../../../shared/oci/reference.ts';
import type { ContainerCreateRequest } from '../../engine-api/wire.ts';
import { formatSummary } from '../containers/summary.ts';
import { type EngineContext, publish } from '../context.ts';
import { noSuchImage } from '../docker-errors.ts';
import { type ImageConfigJson, applyChanges } from '../images/config-changes.ts';
import { holdImage } from '../images/forgotten.ts';
import type { Image } from '../images/image-catalog.ts';
import { publishImageEvent } from '../images/image-events.ts';
import type { ImageLayer } from '../images/image.ts';
import type { SpooledLayer } from '../images/layer-folder.ts';
import { parseTarget } from '../images/tag.ts';
import { type MergedConfig, mergeConfig } from '../runtime/merge-config.ts';
import { whileHeldStill } from './hold-still.ts';
import { tarChanges } from './layer-of-changes.ts';

export interface CommitRequest {
  /** Empty: the image gets no name. */
  readonly repository: string;
  readonly tag: string;
  readonly comment: string;
  readonly author: string;
  /** Hold a running container still meanwhile. */
  readonly pause: boolean;
  /** Instructions of a Dockerfile. */
  readonly changes: readonly string[];
  /** Goes over the container's own configuration. */
  readonly config?: ContainerCreateRequest;
}

/**
 * Makes an image of a container: its image's layers and one with what it has changed. Volumes are left out.
 * Answers the id. Throws CONTAINER_NOT_FOUND, IMAGE_NOT_FOUND, ENGINE_INVALID_PARAMETER, IMAGE_STORE_MISSING,
 * ENGINE_PROGRAM_MISSING, and I/O errors.
 */
export async function commitContainer(
  context: EngineContext,
  nameOrId: string,
  request: CommitRequest,
  signal?: AbortSignal,
): Promise<string> {
  const record = context.table.resolve(nameOrId);
  const image = context.images.byId(record.imageId);
  if (image === undefined) throw noSuchImage(record.request.Image);
  const name = request.repository === '' ? undefined : parseTarget(request.repository, request.tag);
  const merged = mergeConfig(record.request, image.run);
  const asked = request.config === undefined ? merged : mergeConfig(request.config, runConfigOf(merged));
  const run = applyChanges(writtenConfig(runConfigOf(asked)), request.changes);
  await using _held = holdImage(context, image.id);
  await using draft = context.images.draft();
  const layers: ImageLayer[] = await draft.adoptLayers(image, signal);
  await using spools = new AsyncDisposableStack();
  const spool = async (): Promise<SpooledLayer | undefined> => {
    const tar = await unlessEmpty(tarChanges(context, record.id, image));
    return tar === undefined ? undefined : spools.use(await draft.spoolLayer(tar, signal));
  };
  // Packing may take long, and needs the container no more.
  const spooled = request.pause ? await whileHeldStill(context, record.id, spool) : await spool();
  const what = `the changes of container ${record.name}`;
  const top = spooled === undefined ? undefined : await draft.packLayer(spooled, { name: what, signal });
  if (top !== undefined) layers.push(top);
  const config = await formatConfig(context, image, {
    run,
    top,
    command: (merged.cmd ?? []).join(' '),
    request,
  });
  const id = await draft.publish(
    { config, layers, parent: image.id },
    { tags: name === undefined ? [] : [formatReference(name)] },
  );
  publish(context, 'commit', formatSummary(context.table.find(record.id) ?? record), {
    comment: request.comment,
    imageID: id,
    imageRef: name === undefined ? '' : formatReference(name),
  });
  if (name !== undefined) publishImageEvent(context, 'tag', id, { name: familiarName(name) });
  return id;
}

interface ConfigParts {
  readonly run: ImageConfigJson;
  readonly top: ImageLayer | undefined;
  readonly command: string;
  readonly request: CommitRequest;
}

/** The new image's configuration: the old one's with its history continued. */
async function formatConfig(context: EngineContext, image: Image, parts: ConfigParts): Promise<Uint8Array> {
  const text = await image.home.readConfig(image.id);
  const { diffIds } = parseImageConfig(text, `image ${image.id}`);
  const old = JSON.parse(text.toString('utf8')) as Readonly<Record<string, unknown>>;
  const { top, run, command, request } = parts;
  const created = new Date(context.clock()).toISOString();
  const author = request.author === '' ? {} : { author: request.author };
  const entry = {
    created,
    created_by: command,
    ...author,
    ...(request.comment === '' ? {} : { comment: request.comment }),
    ...(top === undefined ? { empty_layer: true } : {}),
  };
  const { architecture, os, variant } = old;
  const config = {
    architecture,
    ...(variant === undefined ? {} : { variant }),
    os,
    created,
    ...author,
    config: run,
    history: [...(Array.isArray(old.history) ? (old.history as unknown[]) : []), entry],
    rootfs: { type: 'layers', diff_ids: [...diffIds, ...(top === undefined ? [] : [top.diffId])] },
  };
  return Buffer.from(JSON.stringify(config));
}

/** A container's configuration as that of an image. */
function runConfigOf(merged: MergedConfig): ImageRunConfig {
  return {
    User: merged.user,
    Env: merged.env.filter(word => word.includes('=')),
    ...(merged.entrypoint === undefined ? {} : { Entrypoint: merged.entrypoint }),
    ...(merged.cmd === undefined ? {} : { Cmd: merged.cmd }),
    WorkingDir: merged.workingDir,
    Labels: merged.labels,
    ...(merged.stopSignal === undefined ? {} : { StopSignal: merged.stopSignal }),
    ExposedPorts: merged.exposedPorts,
    Volumes: merged.volumes,
    ...(merged.healthcheck === undefined ? {} : { Healthcheck: merged.healthcheck }),
    ...(merged.shell === undefined ? {} : { Shell: merged.shell }),
    ...(merged.onBuild === undefined ? {} : { OnBuild: merged.onBuild }),
  };
}

/** The same as it is written: lists of keys become objects, and what is empty is left out. */
function writtenConfig({ ExposedPorts = [], Volumes = [], ...plain }: ImageRunConfig): ImageConfigJson {
  const keys = (names: readonly string[]): Readonly<Record<string, object>> =>
    Object.fromEntries([...names].sort().map(name => [name, {}]));
  const whole: ImageConfigJson = { ...plain, ExposedPorts: keys(ExposedPorts), Volumes: keys(Volumes) };
  const isEmpty = (value: unknown): boolean =>
    value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => !isEmpty(value)));
}

/** A stream that is not empty, whole; undefined for one that is. */
async function unlessEmpty(source: AsyncGenerator<Buffer>): Promise<AsyncGenerator<Buffer> | undefined> {
  const first = await source.next();
  if (first.done === true) return undefined;
  return (async function* () {
    try {
      yield first.value;
      yield* source;
    } finally {
      await source.return(undefined);
    }
  })();
}
