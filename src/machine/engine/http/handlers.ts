import type { RouteName } from '../../engine-api/routes.ts';
import { containerAttach, containerAttachSocket, containerResize } from './attach-handlers.ts';
import {
  containerInspect,
  containerKill,
  containerList,
  containerRemove,
  containerRestart,
  containerStart,
  containerStop,
  containerWait,
} from './container-handlers.ts';
import {
  containerCreate,
  containerPause,
  containerPrune,
  containerRename,
  containerStats,
  containerTop,
  containerUnpause,
  containerUpdate,
} from './lifecycle-handlers.ts';
import type { Exchange } from './exchange.ts';
import { execCreate, execInspect, execResize, execStart } from './exec-handlers.ts';
import {
  imageHistory,
  imageInspect,
  imageList,
  imagePrune,
  imageRemove,
  imageSearch,
  imageTag,
} from './image-handlers.ts';
import { containerLogs } from './log-handler.ts';
import { buildPrune, diskUsage, events, info, version } from './system-handlers.ts';
import { containerArchive, containerChanges, containerExport, imageCommit } from './file-handlers.ts';
import {
  distributionInspect,
  imageCreate,
  imageLoad,
  imagePush,
  imageSave,
  login,
} from './transfer-handlers.ts';
import {
  networkConnect,
  networkCreate,
  networkDisconnect,
  networkInspect,
  networkList,
  networkPrune,
  networkRemove,
} from './network-handlers.ts';
import { volumeCreate, volumeInspect, volumeList, volumePrune, volumeRemove } from './volume-handlers.ts';

/** Answers one kind of request. */
export type Handler = (exchange: Exchange) => Promise<void> | void;

/** A handler for every route of the table but `ping`; one that is missing does not compile. */
export const HANDLERS: Readonly<Record<Exclude<RouteName, 'ping'>, Handler>> = {
  version,
  info,
  events,
  buildPrune,
  diskUsage,
  containerList,
  containerCreate,
  containerUpdate,
  containerRename,
  containerPause,
  containerUnpause,
  containerTop,
  containerStats,
  containerPrune,
  containerInspect,
  containerLogs,
  containerAttach,
  containerAttachSocket,
  containerResize,
  containerStart,
  containerStop,
  containerRestart,
  containerKill,
  containerWait,
  containerRemove,
  containerChanges,
  containerExport,
  containerArchive,
  imageCommit,
  volumeList,
  volumeCreate,
  volumeInspect,
  volumeRemove,
  volumePrune,
  networkList,
  networkCreate,
  networkInspect,
  networkRemove,
  networkConnect,
  networkDisconnect,
  networkPrune,
  execCreate,
  execStart,
  execInspect,
  execResize,
  imageList,
  imageCreate,
  imageLoad,
  imageSearch,
  imageSave,
  imagePrune,
  imageInspect,
  imageHistory,
  imagePush,
  imageTag,
  imageRemove,
  distributionInspect,
  login,
};
