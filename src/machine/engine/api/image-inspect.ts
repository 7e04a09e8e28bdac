import { compareApiVersions } from '../../engine-api/api-version.ts';
import type { ImageHistoryBody } from '../../engine-api/bodies.ts';
import type { EngineContext } from '../context.ts';
import { showName } from '../images/image-names.ts';

type Json = Readonly<Record<string, unknown>>;

/** Before API 1.44 an image without a time was made in the year 1; since then it does not say. */
const NO_TIME = '0001-01-01T00:00:00Z';

/** What GET /images/{name}/json says. Throws IMAGE_NOT_FOUND. */
export async function inspectImage(context: EngineContext, nameOrId: string, version: string): Promise<Json> {
  const image = context.images.resolve(nameOrId);
  const config = parseObject(await image.home.readConfig(image.id));
  const isOld = compareApiVersions(version, '1.44') < 0;
  const isOlder = compareApiVersions(version, '1.45') < 0;
  const run = objectOf(config.config);
  const variant = textOf(config.variant);
  const created = textOf(config.created);
  const osVersion = textOf(config['os.version']);
  return {
    Id: image.id,
    RepoTags: image.names.map(showName),
    RepoDigests: image.repoDigests.map(showName),
    Parent: image.parent ?? '',
    Comment: lastComment(config),
    ...(created === '' && !isOld ? {} : { Created: created || NO_TIME }),
    ...(isOlder && textOf(config.container) !== '' ? { Container: textOf(config.container) } : {}),
    ...(isOlder ? { ContainerConfig: formatConfig(objectOf(config.container_config)) } : {}),
    DockerVersion: textOf(config.docker_version),
    Author: textOf(config.author),
    Config: formatConfig(run),
    Architecture: textOf(config.architecture),
    ...(variant === '' ? {} : { Variant: variant }),
    Os: textOf(config.os),
    ...(osVersion === '' ? {} : { OsVersion: osVersion }),
    Size: image.sizeBytes,
    ...(isOld ? { VirtualSize: image.sizeBytes } : {}),
    GraphDriver: { Data: null, Name: 'overlay2' },
    RootFS: { Type: 'layers', Layers: image.layers.map(layer => layer.diffId) },
    Metadata: { LastTagTime: NO_TIME },
  };
}

/** What GET /images/{name}/history says, the newest step first. Throws IMAGE_NOT_FOUND. */
export async function imageHistory(context: EngineContext, nameOrId: string): Promise<ImageHistoryBody[]> {
  const image = context.images.resolve(nameOrId);
  const config = parseObject(await image.home.readConfig(image.id));
  const steps = Array.isArray(config.history) ? config.history.map(objectOf) : [];
  let layer = 0;
  const bodies = steps.map((step): ImageHistoryBody => {
    const size = step.empty_layer === true ? 0 : (image.layers[layer++]?.sizeBytes ?? 0);
    const time = Date.parse(textOf(step.created));
    return {
      Id: '<missing>',
      Created: Number.isFinite(time) ? Math.floor(time / 1000) : 0,
      CreatedBy: textOf(step.created_by),
      Tags: null,
      Size: size,
      Comment: textOf(step.comment),
    };
  });
  const newest = bodies.pop();
  if (newest === undefined) return [];
  const tags = image.names.map(showName);
  return [{ ...newest, Id: image.id, Tags: tags.length === 0 ? null : tags }, ...bodies.reverse()];
}

/** An image's `config` with every field that Docker shows. */
function formatConfig(run: Json): Json {
  return {
    Hostname: '',
    Domainname: '',
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    ...('ExposedPorts' in run ? { ExposedPorts: run.ExposedPorts } : {}),
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: null,
    Cmd: null,
    Image: '',
    Volumes: null,
    WorkingDir: '',
    Entrypoint: null,
    OnBuild: null,
    Labels: null,
    ...run,
  };
}

function lastComment(config: Json): string {
  const own = textOf(config.comment);
  const steps = Array.isArray(config.history) ? config.history.map(objectOf) : [];
  return own === '' ? textOf(steps.at(-1)?.comment) : own;
}

function parseObject(bytes: Uint8Array): Json {
  return objectOf(JSON.parse(Buffer.from(bytes).toString()) as unknown);
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
