import type { ServiceDefinition } from '../../src/shared/service/definition.ts';

/** A service with the defaults that `slipway build` fills in; what a test is about goes into `more`. */
export function createService(name: string, more: Partial<ServiceDefinition> = {}): ServiceDefinition {
  return {
    name,
    section: 'services',
    image: 'system-images/toy',
    additionalGids: [],
    binds: [],
    mounts: [],
    tmpfs: [],
    devices: [],
    capabilities: [],
    ambient: [],
    net: 'host',
    pid: 'new',
    ipc: 'new',
    uts: 'new',
    readonly: true,
    noNewPrivileges: true,
    privileged: false,
    sysctl: {},
    rlimits: [],
    limits: {},
    labels: {},
    after: [],
    before: [],
    autostart: true,
    restart: { policy: 'always', delayMs: 100, maxDelayMs: 60_000, maxRetries: 0 },
    timeoutMs: 30_000,
    onFailure: 'continue',
    stop: { graceMs: 10_000 },
    ...more,
  };
}
