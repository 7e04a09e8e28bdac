import { hostArch } from '../../../shared/arch.ts';
import { ToolError } from '../../../shared/errors.ts';
import { createContainer } from '../containers/create.ts';
import { pauseContainer, unpauseContainer } from '../containers/pause.ts';
import { pruneContainers } from '../containers/prune.ts';
import { renameContainer } from '../containers/rename.ts';
import { containerStats } from '../containers/stats.ts';
import { topContainer } from '../containers/top.ts';
import { updateContainer } from '../containers/update.ts';
import type { EngineContext } from '../context.ts';
import { conflict, invalidParameter } from '../docker-errors.ts';
import type { LifecycleBackend, StatsQuery } from '../http/lifecycle-handlers.ts';
import { mergeConfig } from '../runtime/merge-config.ts';
import { formatOciJson } from '../runtime/oci-json.ts';
import { passesLabels, untilOf } from './prune-filters.ts';
import { formatStats } from './stats-body.ts';

/** Making, changing and watching containers, in Docker's words. */
export function lifecycleBackend(context: EngineContext): LifecycleBackend {
  let isPruning = false;
  return {
    async create(name, request, platform) {
      checkPlatform(platform, request.Image);
      return createContainer(context, name, request);
    },
    update: (nameOrId, change) => updateContainer(context, nameOrId, change),
    rename: (nameOrId, newName) => renameContainer(context, nameOrId, newName),
    pause: nameOrId => pauseContainer(context, nameOrId),
    unpause: nameOrId => unpauseContainer(context, nameOrId),
    top: (nameOrId, options) => topContainer(context, nameOrId, options),
    stats: (nameOrId, options) => statsLines(context, nameOrId, options),
    async prune(filters) {
      if (isPruning) throw conflict('a prune operation is already running');
      const untilMs = untilOf(filters, context.clock()) ?? Infinity;
      isPruning = true;
      try {
        return await pruneContainers(context, record => {
          const { labels } = mergeConfig(record.request, context.images.byId(record.imageId)?.run ?? {});
          return record.createdAtMs < untilMs && passesLabels(labels, filters);
        });
      } finally {
        isPruning = false;
      }
    },
  };
}

async function* statsLines(
  context: EngineContext,
  nameOrId: string,
  options: StatsQuery,
): AsyncGenerator<string, void> {
  for await (const stats of containerStats(context, nameOrId, options)) {
    // A missing limit is 2^64-1, which only this writes exactly.
    yield `${formatOciJson(formatStats(stats))}\n`;
  }
}

/** Images are of the machine's own architecture; another that is asked for cannot be there. */
function checkPlatform(platform: string, image: string): void {
  if (platform === '') return;
  const [os = '', arch, variant] = platform.split('/');
  if (!/^[\w.-]+$/.test(os) || platform.split('/').length > 3) {
    throw invalidParameter(`"${platform}": cannot parse platform specifier: invalid argument`);
  }
  const own = hostArch(process.arch) ?? process.arch;
  const wanted = [os, arch ?? own, ...(variant === undefined ? [] : [variant])].join('/');
  const names: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };
  if (os === 'linux' && (arch === undefined || (names[arch] ?? arch) === own)) return;
  throw new ToolError(
    `image with reference ${image} was found but does not match the specified platform: wanted ${wanted}, actual: linux/${own}`,
    { code: 'IMAGE_NOT_FOUND', kind: 'not-found' },
  );
}
