import { setTimeout as sleep } from 'node:timers/promises';
import {
  type KernelCmdline,
  hasKernelWord,
  kernelStrings,
  kernelValue,
  kernelValues,
} from '../../../shared/kernel-cmdline.ts';
import { messageOf } from '../../../shared/errors.ts';
import { RUN, STATE } from '../../../shared/paths.ts';
import {
  type CloudConfig,
  EMPTY_CLOUD_CONFIG,
  mergeCloudConfigs,
  readHostname,
  readKeys,
  readTerminals,
} from '../../cloud-init/cloud-config.ts';
import { decidePin } from '../../cloud-init/instance-pin.ts';
import { type DataSource, chooseSeed, readSeed } from '../../cloud-init/nocloud.ts';
import { readRegular } from '../../host/foreign-files.ts';
import { applyHostname, readUptime } from '../../host/kernel.ts';
import { saveFile } from '../../host/save-file.ts';
import type { BootContext } from '../context.ts';
import { probeDevices } from '../probe-devices.ts';
import { settledAt } from './state.ts';

/** A hostile seed has thousands, and a serial line is slow. */
const MAX_NOTICES = 20;
const PIN_FILE = `${STATE.mountPoint}/slipway/instance-id`;

/** Reads the data sources, and applies them with what the kernel line says. */
export async function applySeed(context: BootContext): Promise<string> {
  try {
    const notices: string[] = [];
    const source = await readDataSource(context, notices);
    const fromLine = kernelConfig(context.cmdline, notices);
    const config = mergeCloudConfigs([source?.config ?? EMPTY_CLOUD_CONFIG, fromLine]);
    applyConfig(config, source);
    // The console need not wait until everything that is wrong has been said.
    context.conditions.set('config');
    await sayNotices(context, notices);
    const keys = config.sshAuthorizedKeys.length;
    return `${source?.name ?? 'no data source'}, ${keys} ${keys === 1 ? 'key' : 'keys'}`;
  } finally {
    context.conditions.set('config');
  }
}

async function sayNotices(context: BootContext, notices: readonly string[]): Promise<void> {
  const more = notices.length - MAX_NOTICES;
  const said = more > 0 ? [...notices.slice(0, MAX_NOTICES), `and ${more} more of the kind`] : notices;
  for (const notice of said) {
    context.log.warning(notice);
    await context.say(`slipway: ${notice}`);
  }
}

/** What the kernel line says of a cloud-config's keys; it counts most. */
export function kernelConfig(line: KernelCmdline, notices: string[]): CloudConfig {
  const where = 'the kernel line';
  const hostname = readHostname(where, 'cc.hostname', kernelValue(line, 'hostname'), notices);
  return {
    ...(hostname === undefined ? {} : { hostname }),
    sshAuthorizedKeys: readKeys(
      where,
      'cc.ssh_authorized_keys',
      kernelValues(line, 'sshAuthorizedKeys').flat(1),
      notices,
    ),
    autologin: readTerminals(where, 'rancher.autologin', kernelStrings(line, 'autologin'), notices),
  };
}

/** Which data sources are asked: the kernel line's list instead of the image's. */
export function chosenDatasources(line: KernelCmdline, fromImage: readonly string[]): readonly string[] {
  return kernelValue(line, 'datasources') === undefined ? fromImage : kernelStrings(line, 'datasources');
}

async function readDataSource(context: BootContext, notices: string[]): Promise<DataSource | undefined> {
  if (!chosenDatasources(context.cmdline, context.image.trust.datasources).includes('nocloud'))
    return undefined;
  // Not before: a second seed would mean that none is used.
  const missingMs = (settledAt() - readUptime()) * 1000;
  if (missingMs > 0) await sleep(missingMs, undefined, { signal: context.signal });
  const found = chooseSeed(await probeDevices(false));
  if (found.notice !== undefined) notices.push(found.notice);
  if (found.seed === undefined) return undefined;

  const source = await readSeed(found.seed);
  const decision = decidePin({
    instanceId: source.instanceId,
    hasState: context.journal.data.state?.device !== undefined,
    pinned: readRegular(PIN_FILE, 300)?.bytes.toString('utf8').trimEnd(),
    repin: hasKernelWord(context.cmdline, 'repin'),
  });
  if (decision.kind === 'refuse') {
    notices.push(`${source.name} is not used: ${decision.reason}`);
    return undefined;
  }
  if (decision.pin !== undefined) {
    try {
      saveFile(PIN_FILE, `${decision.pin}\n`, { durable: true });
    } catch (error) {
      // A full or read-only state must not lock its owner out.
      notices.push(`${source.name}: the instance cannot be remembered on state: ${messageOf(error)}`);
    }
  }
  notices.push(...source.notices);
  return source;
}

/** Leaves the values where the console finds them, and applies those that are the kernel's. */
function applyConfig(config: CloudConfig, source: DataSource | undefined): void {
  if (config.hostname !== undefined) applyHostname(config.hostname);
  const lines = (items: readonly string[]): string => items.map(item => `${item}\n`).join('');
  saveFile(`${RUN.authorizedKeys}/rancher`, lines(config.sshAuthorizedKeys), { mode: 0o644 });
  saveFile(RUN.consoleAutologin, lines(config.autologin), { mode: 0o644 });
  const effective = {
    ...(config.hostname === undefined ? {} : { hostname: config.hostname }),
    ssh_authorized_keys: config.sshAuthorizedKeys,
    rancher: { autologin: config.autologin },
  };
  const from = source === undefined ? {} : { source: source.name, instance_id: source.instanceId ?? '' };
  saveFile(RUN.cloudConfig, `${JSON.stringify({ ...from, config: effective })}\n`, { mode: 0o600 });
}
