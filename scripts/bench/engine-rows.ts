import { type Aim, type Measurement, type Unit, median } from './measurement.ts';

/** What the machine measures, in its order. */
export const PARTS = ['wakeUps', 'memory', 'start', 'rate', 'logs', 'pull', 'kill'] as const;
export type PartName = (typeof PARTS)[number];

interface Weight {
  readonly daemonKb: number;
  readonly daemonPssKb: number;
  readonly monitorsKb: number;
  readonly monitorsPssKb: number;
  readonly monitors: number;
}
interface Weights {
  readonly ours: Weight;
  readonly docker: Weight;
}

/** Results of the parts; one that failed is missing. */
export interface EngineFigures {
  memory?: {
    readonly none: Weights;
    /** With 20 containers. */
    readonly some: Weights;
    readonly many: Weights & { readonly containers: number };
    /** What the machine has less for each container, the kernel's part included. */
    readonly machineKb: { readonly ours: number; readonly docker: number };
  };
  wakeUps?: Readonly<Record<'ours' | 'ourMonitors' | 'docker' | 'dockerMonitors', number>>;
  /** Milliseconds of each repeat. */
  start?: Readonly<Record<string, readonly number[]>>;
  rate?: Readonly<Record<'bare' | 'ours' | 'docker' | 'podman', number>>;
  logs?: Readonly<Record<string, number>>;
  pull?: Readonly<Record<'floor' | 'ours' | 'docker' | 'podman' | 'growthMb', readonly number[]>>;
  kill?: Readonly<Record<'ours' | 'docker', readonly number[]>>;
}

const SOME = 20;
const DOCKER = 'Docker Engine';
const BARE = 'conmon and crun alone';
const kb = (figure: number): number => (figure * 1024) / 1e6;

/** The rows of the table; each says on what it was measured. */
export function formatEngineRows(figures: EngineFigures, note: string): Measurement[] {
  return [
    ...(figures.memory ? memoryRows(figures.memory) : []),
    ...(figures.wakeUps ? wakeUpRows(figures.wakeUps) : []),
    ...(figures.start ? startRows(figures.start) : []),
    ...(figures.rate ? rateRows(figures.rate) : []),
    ...(figures.logs ? logRows(figures.logs) : []),
    ...(figures.pull ? pullRows(figures.pull) : []),
    ...(figures.kill ? killRows(figures.kill) : []),
    ...PARTS.filter(part => figures[part] === undefined).map(part => ({
      ...{ id: 'P6', what: `engine: ${part}`, value: NaN, unit: 'ms' as const, note: 'INVALID, it failed' },
    })),
  ].map(row => ({ note, ...row }));
}

function row(
  [id, what, unit]: readonly [string, string, Unit],
  value: number,
  peer?: readonly [string, number],
  aim?: Aim,
): Measurement {
  return {
    ...{ id, what, unit, value },
    ...(peer === undefined ? {} : { peer: { name: peer[0], value: peer[1] } }),
    ...(aim === undefined ? {} : { aim }),
  };
}

function memoryRows({ none, some, many, machineKb }: NonNullable<EngineFigures['memory']>): Measurement[] {
  const daemon = (count: number, { ours, docker }: Weights, aim?: Aim): Measurement =>
    row(
      ['P5', `daemon with ${count} containers, anonymous memory`, 'MB'],
      kb(ours.daemonKb),
      ['dockerd and containerd', kb(docker.daemonKb)],
      aim,
    );
  const addedBy = (side: 'ours' | 'docker', figure: 'daemonKb' | 'daemonPssKb'): number =>
    kb((many[side][figure] - none[side][figure]) / many.containers);
  const monitor = (side: 'ours' | 'docker', figure: 'monitorsKb' | 'monitorsPssKb'): number =>
    kb(many[side][figure] / Math.max(1, many[side].monitors));
  return [
    daemon(0, none, { of: 'value', limit: 10 }),
    daemon(SOME, some, { of: 'value', limit: 25 }),
    daemon(many.containers, many),
    row(
      ['P5', `daemon with ${SOME} containers, file pages included (PSS)`, 'MB'],
      kb(some.ours.daemonPssKb),
      ['dockerd and containerd', kb(some.docker.daemonPssKb)],
    ),
    row(
      ['P5', 'added per container: daemon and monitor, anonymous', 'MB'],
      addedBy('ours', 'daemonKb') + monitor('ours', 'monitorsKb'),
      [DOCKER, addedBy('docker', 'daemonKb') + monitor('docker', 'monitorsKb')],
      { of: 'value', limit: 0.5 },
    ),
    row(['P5', 'of it in the daemon', 'MB'], addedBy('ours', 'daemonKb'), [
      'dockerd and containerd',
      addedBy('docker', 'daemonKb'),
    ]),
    row(['P5', 'of it in the monitor', 'MB'], monitor('ours', 'monitorsKb'), [
      "containerd's shim",
      monitor('docker', 'monitorsKb'),
    ]),
    row(['P5', 'monitor, file pages included (PSS)', 'MB'], monitor('ours', 'monitorsPssKb'), [
      "containerd's shim",
      monitor('docker', 'monitorsPssKb'),
    ]),
    row(['P5', "added per container: all of the machine's memory", 'MB'], kb(machineKb.ours), [
      DOCKER,
      kb(machineKb.docker),
    ]),
  ];
}

function wakeUpRows({ ours, ourMonitors, docker, dockerMonitors }: NonNullable<EngineFigures['wakeUps']>) {
  return [
    row(
      ['P5', `daemon's wake-ups, ${SOME} containers asleep`, 'per 10 s'],
      ours,
      ['dockerd and containerd', docker],
      { of: 'value', limit: 0 },
    ),
    row(['P5', `monitors' wake-ups, ${SOME} containers asleep`, 'per 10 s'], ourMonitors, [
      "containerd's shims",
      dockerMonitors,
    ]),
  ];
}

function startRows(figures: NonNullable<EngineFigures['start']>): Measurement[] {
  const of = (name: string): number => median(figures[name] ?? []);
  const ms = (what: string) => ['P6', what, 'ms'] as const;
  const half: Aim = { of: 'ratio', limit: 0.5 };
  const lines = (what: string, suffix: string): Measurement[] => [
    row(
      ms(`docker run --rm true${what}`),
      of(`dockerToOurs${suffix}`),
      [DOCKER, of(`dockerToDocker${suffix}`)],
      half,
    ),
    row(
      ms(`system-docker run --rm true${what}`),
      of(`systemDocker${suffix}`),
      ['docker run, Docker Engine', of(`dockerToDocker${suffix}`)],
      half,
    ),
    row(ms(`system-docker run --rm true${what}`), of(`systemDocker${suffix}`), [
      'podman run',
      of(`podman${suffix}`),
    ]),
  ];
  return [
    row(ms('create and start, by API'), of('oursStarted'), [BARE, of('bareStarted')], {
      ...{ of: 'ratio', limit: 1.6 },
    }),
    row(ms('create and start, by API'), of('oursStarted'), [DOCKER, of('dockerStarted')]),
    row(ms('create to exit, by API'), of('oursExited'), [BARE, of('bareExited')]),
    row(ms('create to exit, by API'), of('oursExited'), [DOCKER, of('dockerExited')]),
    row(ms('create to removed, by API'), of('oursRemoved'), [BARE, of('bareRemoved')]),
    row(ms('create to removed, by API'), of('oursRemoved'), [DOCKER, of('dockerRemoved')], half),
    ...lines(', bridge network', ''),
    ...lines(', no network', 'Alone'),
  ];
}

function rateRows({ bare, ours, docker, podman }: NonNullable<EngineFigures['rate']>): Measurement[] {
  const head = ['P6', 'containers, create to removed, 8 at a time', 'per s'] as const;
  return [
    row(head, ours, [BARE, bare]),
    row(head, ours, [DOCKER, docker]),
    row(head, ours, ['podman run', podman]),
  ];
}

function logRows(figures: NonNullable<EngineFigures['logs']>): Measurement[] {
  const of = (name: string): number => figures[name] ?? NaN;
  const write = ['logs', 'a container writes 30 MB to its log', 'MB/s'] as const;
  const read = ['logs', 'its log is read', 'MB/s'] as const;
  const kept = { note: `${of('oursReadMb')} MB were kept in memory; Docker Engine keeps all` };
  return [
    row(write, of('oursWrite'), [BARE, of('bareWrite')]),
    row(write, of('oursWrite'), [DOCKER, of('dockerWrite')]),
    row(write, of('oursWrite'), ['podman', of('podmanWrite')]),
    { ...row(read, of('oursRead'), [DOCKER, of('dockerRead')]), ...kept },
    { ...row(read, of('oursRead'), ['podman', of('podmanRead')]), ...kept },
  ];
}

function pullRows(figures: NonNullable<EngineFigures['pull']>): Measurement[] {
  const of = (name: keyof typeof figures): number => median(figures[name]);
  const head = ['P10', 'pull of a layer of 67 MB', 'MB/s'] as const;
  return [
    row(head, of('ours'), ['fetch, unzip and two hashes', of('floor')], {
      ...{ of: 'value', limit: 150, atLeast: true },
    }),
    row(head, of('ours'), [DOCKER, of('docker')]),
    row(head, of('ours'), ['podman', of('podman')]),
    row(['P10', "growth of system-docker's anonymous memory meanwhile", 'MB'], of('growthMb'), undefined, {
      ...{ of: 'value', limit: 32 },
    }),
  ];
}

function killRows({ ours, docker }: NonNullable<EngineFigures['kill']>): Measurement[] {
  return [
    row(['P7', 'daemon killed to answering, 5 containers', 'ms'], median(ours), [
      'dockerd, live-restore',
      median(docker),
    ]),
  ];
}
