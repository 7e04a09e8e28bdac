import { isIPv4 } from 'node:net';
import { runProgram } from '../../host/run-program.ts';
import { DNS_PORT, type Netavark, networkFailure } from '../runtime/netavark.ts';
import type { NetworkRecord } from './network-record.ts';

const TIMEOUT_MS = 30_000;

/**
 * Leads port 53 of an internal network's gateway to aardvark-dns, or no more: netavark sets no rules for such networks,
 * not even this one. Each has a table of its own, so that it can be called any number of times. Throws NETWORK_SETUP_FAILED.
 */
export async function leadNames(netavark: Netavark, network: NetworkRecord, isUsed: boolean): Promise<void> {
  const { exitCode, stderr } = await runProgram([netavark.nft, formatNameRules(network, isUsed)], {
    timeoutMs: TIMEOUT_MS,
    quiet: true,
  });
  if (exitCode !== 0) throw networkFailure(stderr.trim() || `exit code ${exitCode}`);
}

/** One transaction for nft. */
export function formatNameRules(network: Pick<NetworkRecord, 'id' | 'pools'>, isUsed: boolean): string {
  const table = `inet system-docker-${network.id.slice(0, 12)}`;
  // Adding it first lets the deletion find one.
  const commands = [`add table ${table}`, `delete table ${table}`];
  if (!isUsed) return commands.join('; ');
  const rules = network.pools.map(({ gateway }) => {
    const [family, target] = isIPv4(gateway) ? ['ip', gateway] : ['ip6', `[${gateway}]`];
    const match = `${family} daddr ${gateway} meta l4proto { tcp, udp } th dport 53`;
    return `add rule ${table} names ${match} dnat ${family} to ${target}:${DNS_PORT}`;
  });
  return [
    ...commands,
    `add table ${table}`,
    // Before netavark's, which would lead it to a container that publishes port 53.
    `add chain ${table} names { type nat hook prerouting priority -101; }`,
    ...rules,
  ].join('; ');
}
