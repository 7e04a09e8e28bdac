import type { Definition } from './flags.ts';

/** A command. */
export interface CommandEntry {
  /** Every way to say it; the help shows the first. */
  readonly names: readonly string[];
  readonly summary: string;
  /** Reads the command's own file. */
  readonly load: () => Promise<Definition>;
}

const command = (names: string, summary: string, load: CommandEntry['load']): CommandEntry => ({
  names: names.split(', '),
  summary,
  load,
});

const lifecycle = () => import('./container/lifecycle.ts');
const images = () => import('./image/image.ts');
const transfer = () => import('./image/transfer.ts');
const volumes = () => import('./volume/volume.ts');
const networks = () => import('./network/network.ts');
const inspects = () => import('./inspect/inspect.ts');
const prunes = () => import('./system/prune.ts');
const logins = () => import('./system/login.ts');

/** Every command. Only what is asked for is read. */
export const COMMANDS: readonly CommandEntry[] = [
  command(
    'run, container run',
    'Create a container from an image and start it',
    async () => (await import('./container/run.ts')).defineRun,
  ),
  command(
    'create, container create',
    'Create a container from an image',
    async () => (await import('./container/create.ts')).defineCreate,
  ),
  command(
    'start, container start',
    'Start containers that are stopped',
    async () => (await import('./container/start.ts')).defineStart,
  ),
  command('stop, container stop', 'Stop running containers', async () => (await lifecycle()).defineStop),
  command('restart, container restart', 'Restart containers', async () => (await lifecycle()).defineRestart),
  command(
    'kill, container kill',
    'Send a signal to running containers',
    async () => (await lifecycle()).defineKill,
  ),
  command(
    'rm, container rm, container remove',
    'Remove containers',
    async () => (await lifecycle()).defineRemove,
  ),
  command(
    'pause, container pause',
    'Freeze all processes of containers',
    async () => (await lifecycle()).definePause,
  ),
  command(
    'unpause, container unpause',
    'Let frozen containers go on',
    async () => (await lifecycle()).defineUnpause,
  ),
  command(
    'rename, container rename',
    'Give a container another name',
    async () => (await lifecycle()).defineRename,
  ),
  command(
    'wait, container wait',
    'Wait until containers stop, then print their exit codes',
    async () => (await lifecycle()).defineWait,
  ),
  command(
    'update, container update',
    'Change limits and restart policy of containers',
    async () => (await import('./container/update.ts')).defineUpdate,
  ),
  command(
    'attach, container attach',
    'Connect this terminal to a running container',
    async () => (await import('./container/attach.ts')).defineAttach,
  ),
  command(
    'exec, container exec',
    'Execute a command in a running container',
    async () => (await import('./container/exec.ts')).defineExec,
  ),
  command(
    'logs, container logs',
    'Fetch the logs of a container, of all its lives',
    async () => (await import('./container/logs.ts')).defineLogs,
  ),
  command(
    'ps, container ls, container list, container ps',
    'List containers',
    async () => (await import('./container/ps.ts')).definePs,
  ),
  command(
    'top, container top',
    'Show the processes of a container',
    async () => (await import('./container/look.ts')).defineTop,
  ),
  command(
    'port, container port',
    'Show the published ports of a container',
    async () => (await import('./container/look.ts')).definePort,
  ),
  command(
    'diff, container diff',
    'Show what a container has changed in its file system',
    async () => (await import('./container/look.ts')).defineDiff,
  ),
  command(
    'stats, container stats',
    'Show what containers use, again and again',
    async () => (await import('./container/stats.ts')).defineStats,
  ),
  command(
    'cp, container cp',
    'Copy files between a container and this machine',
    async () => (await import('./container/cp.ts')).defineCopy,
  ),
  command(
    'export, container export',
    'Write the file system of a container as a tar archive',
    async () => (await import('./container/export.ts')).defineExport,
  ),
  command(
    'commit, container commit',
    'Make an image of what a container has changed',
    async () => (await import('./container/commit.ts')).defineCommit,
  ),
  command(
    'container prune',
    'Remove all containers that are stopped',
    async () => (await prunes()).definePruneContainers,
  ),
  command(
    'container inspect',
    'Show everything about containers',
    async () => (await inspects()).defineInspectContainer,
  ),

  command(
    'images, image ls, image list',
    'List images',
    async () => (await import('./image/list.ts')).defineImages,
  ),
  command(
    'pull, image pull',
    'Download an image from a registry',
    async () => (await import('./image/pull.ts')).definePull,
  ),
  command(
    'push, image push',
    'Upload an image to a registry',
    async () => (await import('./image/pull.ts')).definePush,
  ),
  command('tag, image tag', 'Give an image another name', async () => (await images()).defineTag),
  command('rmi, image rm, image remove', 'Remove images', async () => (await images()).defineRemoveImage),
  command(
    'history, image history',
    'Show how an image was made',
    async () => (await import('./image/history.ts')).defineHistory,
  ),
  command('load, image load', 'Take images from a tar archive', async () => (await transfer()).defineLoad),
  command('save, image save', 'Write images as a tar archive', async () => (await transfer()).defineSave),
  command(
    'import, image import',
    'Make an image of a tar archive of files',
    async () => (await transfer()).defineImport,
  ),
  command('image prune', 'Remove images that nothing uses', async () => (await prunes()).definePruneImages),
  command('image inspect', 'Show everything about images', async () => (await inspects()).defineInspectImage),

  command('volume create', 'Create a volume', async () => (await volumes()).defineVolumeCreate),
  command('volume ls, volume list', 'List volumes', async () => (await volumes()).defineVolumeList),
  command('volume rm, volume remove', 'Remove volumes', async () => (await volumes()).defineVolumeRemove),
  command(
    'volume inspect',
    'Show everything about volumes',
    async () => (await inspects()).defineInspectVolume,
  ),
  command(
    'volume prune',
    'Remove volumes that nothing uses',
    async () => (await prunes()).definePruneVolumes,
  ),

  command(
    'network create',
    'Create a network',
    async () => (await import('./network/create.ts')).defineNetworkCreate,
  ),
  command('network ls, network list', 'List networks', async () => (await networks()).defineNetworkList),
  command(
    'network rm, network remove',
    'Remove networks',
    async () => (await networks()).defineNetworkRemove,
  ),
  command(
    'network connect',
    'Connect a container to a network',
    async () => (await networks()).defineNetworkConnect,
  ),
  command(
    'network disconnect',
    'Disconnect a container from a network',
    async () => (await networks()).defineNetworkDisconnect,
  ),
  command(
    'network inspect',
    'Show everything about networks',
    async () => (await inspects()).defineInspectNetwork,
  ),
  command(
    'network prune',
    'Remove networks that nothing uses',
    async () => (await prunes()).definePruneNetworks,
  ),

  command(
    'inspect',
    'Show everything about containers, images, volumes and networks',
    async () => (await inspects()).defineInspect,
  ),
  command(
    'events, system events',
    'Show what happens, as it happens',
    async () => (await import('./system/events.ts')).defineEvents,
  ),
  command(
    'info, system info',
    'Show the state of the engine',
    async () => (await import('./system/info.ts')).defineInfo,
  ),
  command(
    'version',
    'Show versions of the command and the engine',
    async () => (await import('./system/version.ts')).defineVersion,
  ),
  command(
    'system df',
    'Show how much space images, containers and volumes take',
    async () => (await import('./system/df.ts')).defineDiskUsage,
  ),
  command('system prune', 'Remove what nothing uses', async () => (await prunes()).definePruneSystem),
  command(
    'system dial-stdio',
    'Connect stdin and stdout to the engine, for docker -H ssh://',
    async () => (await import('./system/dial-stdio.ts')).defineDialStdio,
  ),
  command('login', 'Keep credentials for a registry', async () => (await logins()).defineLogin),
  command('logout', 'Forget the credentials for a registry', async () => (await logins()).defineLogout),
];
