import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { openToolbox } from '../../src/build/tools/toolbox.ts';
import { hostArch } from '../../src/shared/arch.ts';
import { type ClientName, type RealClient, clientPrograms, openClient } from './docker-clients.ts';
import { cleanUp, startDaemon } from './engine.ts';
import { startHub } from './named-images.ts';
import { type NetworkMachine, startNetworkMachine } from './network-machine.ts';
import type { TestRegistry } from './registry.ts';

/** An engine with networks, a registry that it takes for the hub, and real clients. */
export interface ClientMachine {
  readonly network: NetworkMachine;
  readonly hub: TestRegistry;
  readonly clients: Readonly<Record<ClientName, RealClient>>;
}

/**
 * Starts all of it in this process's network namespace; it ends with the test.
 * @param roots see findClientRoots
 */
export async function startClientMachine(
  t: Test,
  folder: string,
  engineRoot: string,
  roots: Readonly<Record<ClientName, string>>,
): Promise<ClientMachine> {
  const network = await startNetworkMachine(engineRoot, folder);
  const { config } = network;
  t.teardown(() => {
    network[Symbol.dispose]();
    cleanUp(folder, join('/sys/fs/cgroup', config.cgroups?.monitors ?? '', '..'));
  });
  const arch = hostArch(process.arch) ?? 'amd64';
  const registry = openToolbox({ root: roots.stable, epoch: 0, arch }).command('docker-registry', []);
  const hub = await startHub(registry, join(folder, 'hub'), config.programs.busybox);
  t.teardown(() => hub[Symbol.asyncDispose]());
  const settings = { registries: { mirrors: { 'docker.io': [`http://${hub.host}`] } } };
  const daemon = await startDaemon({ ...config, settings });
  t.teardown(() => daemon.kill());
  const client = (name: ClientName): RealClient => {
    const home = join(folder, name);
    mkdirSync(home);
    return openClient(clientPrograms(roots[name], home), `unix://${config.socket}`);
  };
  return { network, hub, clients: { stable: client('stable'), newer: client('newer') } };
}
