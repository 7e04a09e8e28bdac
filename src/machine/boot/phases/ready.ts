import { hasKernelWord } from '../../../shared/kernel-cmdline.ts';
import { hasNetworkCard, quietConsoles, readUptime } from '../../host/kernel.ts';
import type { BootContext } from '../context.ts';
import { type ReadyReport, formatReadyLine } from '../ready-line.ts';

/**
 * Prints the ready line. It is journalled after it was printed: a kill of system-docker in between, which takes about
 * a millisecond, prints it again, which is better than never.
 */
export async function announceReady(context: BootContext): Promise<string> {
  const { journal } = context;
  if (journal.data.readyLine === undefined) {
    // Not a fault: a machine may be meant to be alone. But whoever misses the network should read this first.
    if (!hasNetworkCard()) await context.say('slipway: no network card was found');
    const line = formatReadyLine(await collectReport(context));
    // A login prompt may stand at the cursor; the line must begin a line.
    await context.say(`\n${line}`);
    journal.update({ readyLine: line });
    if (!hasKernelWord(context.cmdline, 'debug')) quietConsoles();
  }
  return journal.data.readyLine ?? '';
}

/** How the services are now: one that was up and has died since is not counted as up. */
async function collectReport(context: BootContext): Promise<ReadyReport> {
  const { image, runner } = context;
  const containers = new Map(
    (await context.engine.client.list()).map(container => [container.name, container]),
  );
  const isUp = (name: string): boolean => {
    const status = runner.progress.get(name)?.status.status;
    return status === 'done' || (status === 'up' && containers.get(name)?.status === 'running');
  };
  const boot = image.services
    .filter(service => service.section !== 'onshutdown' && service.autostart)
    .map(service => service.name);
  const failed = boot.filter(name => !isUp(name));
  return {
    name: image.name,
    version: image.version,
    up: boot.length - failed.length,
    total: boot.length,
    failed,
    uptime: readUptime(),
  };
}
