import type { Exchange } from '../exchange.ts';
import { CONTAINER_EXCHANGES } from './containers.ts';
import { CREATE_BODY_EXCHANGES } from './create-bodies.ts';
import { IMAGE_EXCHANGES } from './images.ts';
import { NETWORK_EXCHANGES, VOLUME_EXCHANGES } from './networks-and-volumes.ts';
import { STREAM_EXCHANGES } from './streams.ts';
import { SYSTEM_EXCHANGES } from './system.ts';

/** Every exchange, in an order in which each finds what it needs. They leave nothing behind but images. */
export const EXCHANGES: readonly Exchange[] = [
  ...IMAGE_EXCHANGES,
  ...CONTAINER_EXCHANGES,
  ...CREATE_BODY_EXCHANGES,
  ...STREAM_EXCHANGES,
  ...NETWORK_EXCHANGES,
  ...VOLUME_EXCHANGES,
  ...SYSTEM_EXCHANGES,
];
