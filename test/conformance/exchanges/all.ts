import type { Exchange } from '../exchange.ts';
import { ATTACH_EXCHANGES } from './attach.ts';
import { CONTAINER_END_EXCHANGES } from './container-ends.ts';
import { CONTAINER_STATE_EXCHANGES } from './container-states.ts';
import { CONTAINER_EXCHANGES } from './containers.ts';
import { CREATE_BODY_EXCHANGES } from './create-bodies.ts';
import { EXEC_EXCHANGES } from './execs.ts';
import { FILE_EXCHANGES } from './files.ts';
import { IMAGE_TRANSFER_EXCHANGES } from './image-transfers.ts';
import { IMAGE_EXCHANGES } from './images.ts';
import { NETWORK_MEMBER_EXCHANGES } from './network-members.ts';
import { NETWORK_EXCHANGES } from './networks.ts';
import { OUTPUT_EXCHANGES } from './output.ts';
import { SYSTEM_EXCHANGES } from './system.ts';
import { VOLUME_EXCHANGES } from './volumes.ts';

/** Every exchange, in an order in which each finds what it needs. They leave nothing behind but images. */
export const EXCHANGES: readonly Exchange[] = [
  ...IMAGE_EXCHANGES,
  ...IMAGE_TRANSFER_EXCHANGES,
  ...CONTAINER_EXCHANGES,
  ...CONTAINER_STATE_EXCHANGES,
  ...CONTAINER_END_EXCHANGES,
  ...CREATE_BODY_EXCHANGES,
  ...OUTPUT_EXCHANGES,
  ...FILE_EXCHANGES,
  ...ATTACH_EXCHANGES,
  ...EXEC_EXCHANGES,
  ...NETWORK_EXCHANGES,
  ...NETWORK_MEMBER_EXCHANGES,
  ...VOLUME_EXCHANGES,
  ...SYSTEM_EXCHANGES,
];
