import { readdirSync } from 'node:fs';
import t from 'tap';
import type { Test } from 'tap';
import type { EngineContext } from '../../../../../src/machine/engine/context.ts';
import { KeyedQueue } from '../../../../../src/machine/engine/keyed-queue.ts';
import type { Image } from '../../../../../src/machine/engine/images/image-catalog.ts';
import type { ContainerRecord } from '../../../../../src/machine/engine/store/container-record.ts';
import { createVolume } from '../../../../../src/machine/engine/volumes/create.ts';
import { makeVolumes } from '../../../../../src/machine/engine/volumes/make.ts';
import { mountVolume } from '../../../../../src/machine/engine/volumes/mount.ts';
import type { WantedVolume } from '../../../../../src/machine/engine/volumes/plan.ts';
import { removeVolume } from '../../../../../src/machine/engine/volumes/remove.ts';
import { takeUpVolumes } from '../../../../../src/machine/engine/volumes/take-up.ts';
import { VolumeTable } from '../../../../../src/machine/engine/volumes/volume-table.ts';
import { silentLog } from '../../../../../src/machine/log.ts';

/** As much of an engine as volumes without options need. */
const openVolumes = async (t: Test) => {
  const folder = t.testdir({});
  const containers: ContainerRecord[] = [];
  let onStep = (): void => undefined;
  const volumes = new VolumeTable(folder, silentLog, step =>
    step === 'volume: change' ? onStep() : undefined,
  );
  await volumes.loadBoot();
  const context = {
    volumes,
    queue: new KeyedQueue(),
    table: { all: () => containers },
    history: { publish: () => undefined },
    config: { programs: { busybox: '/no/such' } },
    log: silentLog,
    clock: () => 1,
  } as unknown as EngineContext;
  return {
    context,
    volumes,
    names: () => readdirSync(folder),
    make: () => makeVolumes(context, {} as Image, [data], 'state'),
    /** A container is there that has the volume. */
    record: () =>
      containers.push({ mounts: [{ kind: 'volume', name: 'data' }] } as unknown as ContainerRecord),
    forget: () => containers.splice(0),
    failNextChange: (): void => {
      onStep = () => {
        onStep = () => undefined;
        throw new Error('the disk is full');
      };
    },
  };
};

const data: WantedVolume = {
  ...{ kind: 'volume', name: 'data', destination: '/data', readOnly: false, mode: '', copy: false },
  ...{ driver: '', labels: {}, options: {} },
};
const byHand = { ...data, scope: 'state', pending: false } as const;

t.test('a container that cannot be made takes its volumes along', async t => {
  const { make, names } = await openVolumes(t);
  const made = await make();
  t.same(names(), ['data']);
  await made.undo();
  t.same(names(), []);
});

t.test('a volume that somebody else was told of stays', async t => {
  const { context, make, names, volumes } = await openVolumes(t);
  const made = await make();
  await createVolume(context, byHand);
  await made.undo();
  t.same(names(), ['data']);
  t.equal(volumes.isHeld('data'), false);
});

t.test('two containers that are made with the same new volume', async t => {
  for (const first of ['undo', 'settle'] as const) {
    const { make, names, record, forget, volumes } = await openVolumes(t);
    const [one, other] = [await make(), await make()];
    if (first === 'settle') record();
    await one[first]();
    t.same(names(), ['data'], 'it is held for the other one');
    await other.undo();
    t.same(names(), first === 'settle' ? ['data'] : [], `after ${first}`);
    t.equal(volumes.isHeld('data'), false);
    forget();
    if (first === 'settle') t.match(volumes.get('data').record, { pending: false });
  }
});

t.test('nobody can remove a volume between its making and its use', async t => {
  const { context, make, names } = await openVolumes(t);
  const making = make();
  const removing = removeVolume(context, 'data', false);
  await t.rejects(removing, { code: 'VOLUME_IN_USE' });
  await making;
  t.same(names(), ['data']);
});

t.test('a volume that could not be settled is, before anyone writes into it', async t => {
  const { context, make, volumes, names, record, forget, failNextChange } = await openVolumes(t);
  const made = await make();
  record();
  failNextChange();
  await made.settle();
  t.match(volumes.get('data').record, { pending: true });
  t.equal(volumes.isHeld('data'), false);
  failNextChange();
  await t.rejects(mountVolume(context, 'data'), { message: 'the disk is full' });
  await mountVolume(context, 'data');
  t.match(volumes.get('data').record, { pending: false });
  forget();
  await takeUpVolumes(context, volumes.all());
  t.same(names(), ['data'], 'it outlasts its container and the engine');
});

t.test('half-made ones of an earlier engine go, unless somebody has them by now', async t => {
  const { context, make, volumes, names } = await openVolumes(t);
  const made = await make();
  const found = volumes.all();
  await takeUpVolumes(context, found);
  t.same(names(), ['data'], 'a container is being made with it');
  volumes.release('data');
  await takeUpVolumes(context, found);
  t.same(names(), []);
  await made.undo();
});
