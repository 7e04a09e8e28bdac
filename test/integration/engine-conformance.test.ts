/**
 * Every endpoint of Docker's API with good, bad and borderline input, against the tables of test/conformance, which say
 * what Docker 26 answers. Needs root, for namespaces that stand for a machine.
 */
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'conformance', { network: true });

const { default: t } = await import('tap');
const { cleanUp, startDaemon } = await import('../support/engine.ts');
const { startNetworkMachine } = await import('../support/network-machine.ts');
const { conformanceImages, loadImages } = await import('../conformance/image.ts');
const { EXCHANGES } = await import('../conformance/exchanges/all.ts');
const { explain } = await import('../conformance/differences.ts');
const { KNOWN_DIFFERENCES } = await import('../conformance/known-differences.ts');
const { allFaults, runExchanges } = await import('../conformance/run.ts');

t.setTimeout(600_000);
const machine = await startNetworkMachine(engineRoot, folder);
const { config } = machine;
t.teardown(() => {
  machine[Symbol.dispose]();
  cleanUp(folder, join('/sys/fs/cgroup', config.cgroups?.monitors ?? '', '..'));
});
const daemon = await startDaemon({ ...config, imageStores: [] });
t.teardown(() => daemon.kill());

const archive = await conformanceImages(config.programs.busybox);
await loadImages(config.socket, archive);
const results = await runExchanges(config.socket, EXCHANGES);
t.equal(results.length, EXCHANGES.length);
t.same(explain(allFaults(results), KNOWN_DIFFERENCES).unexplained, []);
