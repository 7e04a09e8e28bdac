/**
 * The same requests to Debian's dockerd and to system-docker, on one machine: what they answer is compared field by field,
 * and each difference has to be on the list of test/conformance, each of whose entries has to be needed.
 */
import { join } from 'node:path';
import t from 'tap';
import { compareResults } from '../conformance/compare.ts';
import { explain } from '../conformance/differences.ts';
import { EXCHANGES } from '../conformance/exchanges/all.ts';
import { conformanceImages, loadImages } from '../conformance/image.ts';
import { KNOWN_DIFFERENCES } from '../conformance/known-differences.ts';
import { allFaults, runExchanges } from '../conformance/run.ts';
import { BOOT_TEST_MS, bootMachine } from '../support/boot.ts';
import { unpackPackageSets } from '../support/locked-tools.ts';
import { hostArch } from '../../src/shared/arch.ts';
import { PEER_MEMORY_MB, PEER_SOCKET, buildPeersImage } from '../support/peers.ts';

t.setTimeout(BOOT_TEST_MS);
const folder = t.testdir();
const { iso } = await buildPeersImage(folder);
await using machine = await bootMachine({ boot: { kind: 'cd', file: iso }, memoryMb: PEER_MEMORY_MB });
t.same((await machine.ready()).failed, []);

// The person who logs in may use Docker's socket; system-docker's is root's alone, until now.
await machine.root('chmod 666 /run/system-docker.sock');
const ours = join(folder, 'ours.sock');
const theirs = join(folder, 'theirs.sock');
machine.forwardSocket(ours, '/run/system-docker.sock');
machine.forwardSocket(theirs, PEER_SOCKET);

const arch = hostArch(process.arch);
if (arch === undefined) throw new Error(`no machine can be booted on ${process.arch}`);
const [busyboxRoot = ''] = await unpackPackageSets([{ arch, set: { want: ['busybox-static'], omit: [] } }]);
const archive = await conformanceImages(join(busyboxRoot, 'usr/bin/busybox'));
for (const socket of [ours, theirs]) {
  await machine.eventually('the images to be loaded', () =>
    loadImages(socket, archive).then(
      () => true as const,
      () => undefined,
    ),
  );
}

// One after the other: both make networks and ports on this machine.
const answers = { theirs: await runExchanges(theirs, EXCHANGES), ours: await runExchanges(ours, EXCHANGES) };

t.test('the tables say what Docker answers', async t => {
  t.same(allFaults(answers.theirs), []);
});

t.test('system-docker answers the same, or it is on the list', async t => {
  const { unexplained, unused } = explain(compareResults(answers.ours, answers.theirs), KNOWN_DIFFERENCES);
  t.same(unexplained, []);
  t.same(unused, [], 'what the list says is still so');
});
