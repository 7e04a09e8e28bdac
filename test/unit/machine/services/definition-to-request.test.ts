import t from 'tap';
import { definitionToRequest } from '../../../../src/machine/services/definition-to-request.ts';
import { createService } from '../../../support/service-definition.ts';

t.test('least privilege and no inherited OOM score', async t => {
  const request = definitionToRequest(createService('a'));
  t.match(request, {
    Image: 'system-images/toy',
    Labels: { 'io.slipway.service': 'services' },
    StopTimeout: 10,
    HostConfig: {
      OomScoreAdj: 0,
      ReadonlyRootfs: true,
      Privileged: false,
      SecurityOpt: ['no-new-privileges:true'],
      RestartPolicy: { Name: 'always', MaximumRetryCount: 0 },
    },
    Slipway: { scope: 'boot', capabilities: [], cgroupPath: '/slipway/services/a', restartDelayMs: 100 },
  });
  for (const key of ['Entrypoint', 'Env', 'User', 'WorkingDir', 'Hostname', 'StopSignal'])
    t.notOk(key in request, `${key} is left to the image`);
});

t.test('each key has its place', async t => {
  const request = definitionToRequest(
    createService('a', {
      command: ['/bin/x', '-v'],
      env: ['A=1'],
      cwd: '/w',
      user: '10:20',
      additionalGids: [30],
      tmpfs: ['/tmp:size=1m', '/run'],
      net: 'pod:b',
      pid: 'host',
      uts: '/proc/1/ns/uts',
      rlimits: ['RLIMIT_NOFILE,1024,unlimited'],
      limits: { memoryBytes: 1000, swapBytes: 500, cpus: 0.5, cpuWeight: 50, cpusetCpus: '0', pids: 9 },
      stop: { signal: 'SIGINT', graceMs: 1500 },
      capabilities: ['all'],
      oomScoreAdj: 5,
      noNewPrivileges: false,
    }),
  );
  t.match(request, {
    Entrypoint: ['/bin/x', '-v'],
    Cmd: [],
    Env: ['A=1'],
    WorkingDir: '/w',
    User: '10:20',
    StopSignal: 'SIGINT',
    StopTimeout: 2,
    HostConfig: {
      GroupAdd: ['30'],
      Tmpfs: { '/tmp': 'size=1m', '/run': '' },
      NetworkMode: 'container:b',
      PidMode: 'host',
      UTSMode: '/proc/1/ns/uts',
      Ulimits: [{ Name: 'nofile', Soft: 1024, Hard: -1 }],
      Memory: 1000,
      MemorySwap: 1500,
      NanoCpus: 5e8,
      CpusetCpus: '0',
      PidsLimit: 9,
      OomScoreAdj: 5,
      SecurityOpt: [],
    },
    Slipway: { capabilities: ['all'], cpuWeight: 50 },
  });
});

t.test('a pod shares network, ipc and host name, not its processes', async t => {
  const { HostConfig } = definitionToRequest(createService('a', { pod: 'b' }));
  t.match(HostConfig, {
    NetworkMode: 'container:b',
    IpcMode: 'container:b',
    UTSMode: 'container:b',
    PidMode: 'new',
  });
});
