import type { RouteName } from '../../engine-api/routes.ts';
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
import type { Exchange } from './exchange.ts';
import { execCreate, execInspect, execResize, execStart } from './exec-handlers.ts';
import { containerLogs } from './log-handler.ts';
import { events, info, ping, version } from './system-handlers.ts';

/** Answers one kind of request. */
export type Handler = (exchange: Exchange) => Promise<void> | void;

/** A handler for every route of the table; one that is missing does not compile. */
export const HANDLERS: Readonly<Record<RouteName, Handler>> = {
  ping,
  version,
  info,
  events,
  containerList,
  containerInspect,
  containerLogs,
  containerStart,
  containerStop,
  containerRestart,
  containerKill,
  containerWait,
  containerRemove,
  execCreate,
  execStart,
  execInspect,
  execResize,
};
