/**
 * Every step that changes what lasts of a container: before each of them the process may end, and the next engine
 * makes it good. The test that ends it there asserts that it has been at every one.
 */
export const CONTAINER_STEPS = [
  'create: volumes',
  'create: settle volumes',
  'create: answer',
  'record: make its folder',
  'record: write',
  'record: publish',
  'record: change',
  'record: replace',
  'record: put away',
  'record: delete',
  'start: connect',
  'start: bundle',
  'start: monitor',
  'start: mount the root',
  'start: configuration',
  'start: make',
  'start: run',
  'start: answer',
  'stop: signal',
  'stop: kill',
  'exit: clear away',
  'exit: record',
  'exit: forget',
  'clear: runtime',
  'clear: networks',
  'clear: root',
  'clear: volumes',
  'remove: clear away',
  'remove: mark volumes',
  'remove: record',
  'remove: volumes',
  'volume: make',
  'volume: publish',
  'volume: change',
  'volume: put away',
  'volume: delete',
] as const;

export type ContainerStep = (typeof CONTAINER_STEPS)[number];

/** The same of networks, and of containers that are in some. */
export const NETWORK_STEPS = [
  'network: save',
  'network: delete',
  'network: make a namespace',
  'network: keep a namespace',
  'network: drop a namespace',
  'network: connect',
  'network: disconnect',
  'network: write names',
  'network: settle',
] as const;

export type NetworkStep = (typeof NETWORK_STEPS)[number];

/** Told what comes next; see EngineConfig.onStep. */
export type StepListener = (step: ContainerStep | NetworkStep) => void;

/** For a table that nobody watches. */
export const unwatched: StepListener = () => undefined;
