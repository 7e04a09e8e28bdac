import t from 'tap';
import type { ImageRunConfig } from '../../../../../src/shared/oci/image.ts';
import type { LogDefaults } from '../../../../../src/shared/engine-settings.ts';
import type { ContainerCreateRequest, LogConfig } from '../../../../../src/machine/engine-api/wire.ts';
import { completeRequest } from '../../../../../src/machine/engine/containers/complete-request.ts';
import { argumentsOf, mergeConfig } from '../../../../../src/machine/engine/runtime/merge-config.ts';

const image: ImageRunConfig = {
  User: 'app',
  Env: ['PATH=/bin', 'A=image', 'B=image'],
  Entrypoint: ['/entry'],
  Cmd: ['serve'],
  WorkingDir: '/srv',
  Labels: { from: 'image', both: 'image' },
  ExposedPorts: ['80/tcp'],
  Volumes: ['/data'],
  StopSignal: 'SIGQUIT',
  Healthcheck: { Test: ['CMD', 'check'], Interval: 5, Retries: 2 },
};

t.test('the request stands over the image', async t => {
  t.same(
    mergeConfig(
      {
        Image: 'x',
        Env: ['A=own', 'C=own'],
        Labels: { both: 'own' },
        ExposedPorts: ['81/udp', '80/tcp'],
        Healthcheck: { Interval: 9 },
      },
      image,
    ),
    {
      user: 'app',
      env: ['A=own', 'C=own', 'PATH=/bin', 'B=image'],
      entrypoint: ['/entry'],
      cmd: ['serve'],
      workingDir: '/srv',
      labels: { from: 'image', both: 'own' },
      exposedPorts: ['80/tcp', '81/udp'],
      volumes: ['/data'],
      healthcheck: {
        Test: ['CMD', 'check'],
        Interval: 9,
        Timeout: 0,
        StartPeriod: 0,
        StartInterval: 0,
        Retries: 2,
      },
      stopSignal: 'SIGQUIT',
      shell: undefined,
      onBuild: undefined,
    },
  );
  t.same(
    mergeConfig(
      { Image: 'x', Env: ['A=1'], Slipway: { scope: 'boot', replaceEnv: true, extraEnv: ['B=2'] } },
      image,
    ).env,
    ['A=1', 'B=2'],
  );
  t.same(mergeConfig({ Image: 'x', Slipway: { scope: 'boot', extraEnv: ['B=2'] } }, image).env, [
    'B=2',
    'PATH=/bin',
    'A=image',
  ]);
});

t.test('a request that was completed says the same without its image', async t => {
  const requests: readonly Partial<ContainerCreateRequest>[] = [
    {},
    { Cmd: ['own'] },
    { Entrypoint: ['own'] },
    { Entrypoint: ['own'], Cmd: ['words'] },
    { Entrypoint: [''], Cmd: ['words'] },
    { Env: ['A=own', 'B'] },
    { Healthcheck: { Test: ['NONE'] } },
  ];
  for (const request of requests) {
    const asked = { Image: 'x', ...request };
    const complete = completeRequest(asked, image, {}, String);
    const name = JSON.stringify(request);
    t.same(argumentsOf(complete, {}), argumentsOf(asked, image), name);
    t.same(argumentsOf(complete, image), argumentsOf(asked, image), name);
    t.same(mergeConfig(complete, {}).env, mergeConfig(asked, image).env, name);
    t.same(mergeConfig(complete, {}).healthcheck, mergeConfig(asked, image).healthcheck, name);
  }
});

t.test("Docker's defaults are filled in, for clients only", async t => {
  const MB = 1024 * 1024;
  const { HostConfig } = completeRequest(
    {
      Image: 'x',
      HostConfig: { Memory: 16 * MB, PidsLimit: 0, OomKillDisable: false, MemorySwappiness: -1 },
    },
    image,
    { defaultRuntime: 'runc' },
    String,
  );
  t.same(HostConfig, {
    Memory: 16 * MB,
    MemorySwap: 32 * MB,
    ShmSize: 64 * MB,
    IpcMode: 'private',
    CgroupnsMode: 'private',
    NetworkMode: 'bridge',
    Runtime: 'runc',
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    LogConfig: { Type: 'json-file', Config: {} },
  });
  const service = { Image: 'x', Slipway: { scope: 'boot' as const } };
  t.same(completeRequest(service, image, { log: { options: { 'max-size': '1m' } } }, String), {
    ...service,
    HostConfig: { Runtime: 'crun' },
  });
});

t.test("what is set of a container's log is that of one driver", async t => {
  const options = { 'max-size': '1m', 'max-file': '3' };
  const logOf = (log: LogDefaults, asked?: LogConfig) =>
    completeRequest({ Image: 'x', ...(asked && { HostConfig: { LogConfig: asked } }) }, {}, { log }, String)
      .HostConfig?.LogConfig;
  t.same(logOf({ options }), { Type: 'json-file', Config: options });
  t.same(logOf({ options }, { Type: '', Config: { 'max-file': '5' } }), {
    Type: 'json-file',
    Config: { 'max-size': '1m', 'max-file': '5' },
  });
  t.same(logOf({ options }, { Type: 'local' }), { Type: 'local', Config: {} });
  t.same(logOf({ driver: 'local', options }), { Type: 'local', Config: options });
});
