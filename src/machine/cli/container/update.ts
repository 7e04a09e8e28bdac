import { CommandFailure, forEachName } from '../failure.ts';
import { type Definition } from '../flags.ts';
import { type CreateOptions, declareUpdateFlags } from './create-flags.ts';
import { parseRestart } from './create-body.ts';
import { containerPath } from './lifecycle.ts';

/** `update` */
export const defineUpdate: Definition = (command, session) => {
  command.operands('CONTAINER [CONTAINER...]', 1);
  declareUpdateFlags(command);
  command.runs<CreateOptions>(session, async (names, options) => {
    if (Object.values(options).every(value => value === undefined)) {
      throw new CommandFailure(1, 'you must provide one or more flags when using this command');
    }
    const warnings: string[] = [];
    try {
      await forEachName(session, names, async name => {
        const answer = await session.client.request('POST', containerPath(name, '/update'), {
          body: updateBody(options),
        });
        warnings.push(...((answer as { readonly Warnings?: readonly string[] | null }).Warnings ?? []));
        return `${name}\n`;
      });
    } finally {
      if (warnings.length > 0) await session.print(`${warnings.join('\n')}\n`);
    }
  });
};

function updateBody(options: CreateOptions): object {
  return {
    CpuShares: options.cpuShares ?? 0,
    Memory: options.memory ?? 0,
    NanoCpus: options.cpus ?? 0,
    CgroupParent: '',
    BlkioWeight: options.blkioWeight ?? 0,
    BlkioWeightDevice: null,
    BlkioDeviceReadBps: null,
    BlkioDeviceWriteBps: null,
    BlkioDeviceReadIOps: null,
    BlkioDeviceWriteIOps: null,
    CpuPeriod: options.cpuPeriod ?? 0,
    CpuQuota: options.cpuQuota ?? 0,
    CpuRealtimePeriod: options.cpuRtPeriod ?? 0,
    CpuRealtimeRuntime: options.cpuRtRuntime ?? 0,
    CpusetCpus: options.cpusetCpus ?? '',
    CpusetMems: options.cpusetMems ?? '',
    Devices: null,
    DeviceCgroupRules: null,
    DeviceRequests: null,
    MemoryReservation: options.memoryReservation ?? 0,
    MemorySwap: options.memorySwap ?? 0,
    MemorySwappiness: null,
    OomKillDisable: null,
    PidsLimit: options.pidsLimit ?? null,
    Ulimits: null,
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
    RestartPolicy: options.restart === undefined ? { Name: '' } : parseRestart(options.restart),
  };
}
