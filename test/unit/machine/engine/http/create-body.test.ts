import t from 'tap';
import { parseCreateBody, parseUpdateBody } from '../../../../../src/machine/engine/http/create-body.ts';
import type { JsonObject } from '../../../../../src/machine/engine/http/request-body.ts';

const parse = (text: string) => parseCreateBody(JSON.parse(text) as JsonObject);

t.test('what a client sends is what the engine gets, whatever the case of its keys', async t => {
  t.same(
    parse(`{
      "image": "x", "CMD": "one word", "Entrypoint": ["a", null], "Env": ["A=1"], "Tty": null,
      "ExposedPorts": {"80/tcp": {}, "81/tcp": null}, "Volumes": {"/data": {}}, "StopTimeout": 3,
      "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1000000},
      "HostConfig": {
        "memory": 16777216, "PidsLimit": -1, "Devices": [{"PathOnHost": "/dev/null"}],
        "PortBindings": {"80/tcp": [{"HostPort": "8080"}], "81/tcp": null},
        "Mounts": [{"Type": "bind", "Source": "/a", "Target": "/b", "BindOptions": {"Propagation": "rslave"}}],
        "CapAdd": "NET_ADMIN", "ConsoleSize": [24, 80]
      },
      "NetworkingConfig": {"EndpointsConfig": {"net": {"Aliases": ["n"]}, "none": null}}
    }`),
    {
      Image: 'x',
      Cmd: ['one word'],
      Entrypoint: ['a', ''],
      Env: ['A=1'],
      ExposedPorts: ['80/tcp', '81/tcp'],
      Volumes: ['/data'],
      StopTimeout: 3,
      Healthcheck: { Test: ['CMD', 'true'], Interval: 1000000 },
      HostConfig: {
        Memory: 16777216,
        PidsLimit: -1,
        Devices: [{ PathOnHost: '/dev/null', PathInContainer: '', CgroupPermissions: '' }],
        PortBindings: { '80/tcp': [{ HostPort: '8080' }], '81/tcp': [] },
        Mounts: [{ Type: 'bind', Source: '/a', Target: '/b', BindOptions: { Propagation: 'rslave' } }],
        CapAdd: ['NET_ADMIN'],
        ConsoleSize: [24, 80],
      },
      NetworkingConfig: { EndpointsConfig: { net: { Aliases: ['n'] }, none: {} } },
    },
  );
});

t.test('attack: rights that no client can ask for', async t => {
  const slipway = '{"scope":"boot","capabilities":["all"],"cgroupPath":"/","mounts":[]}';
  for (const key of ['Slipway', 'slipway', 'SLIPWAY', 'Sl\\u0069pway']) {
    const request = parse(`{"Image":"x","${key}":${slipway},"HostConfig":{"${key}":${slipway}}}`);
    t.same(request, { Image: 'x', HostConfig: {} }, key);
    t.notOk('Slipway' in request);
  }
});

t.test('attack: keys of the prototype', async t => {
  const request = parse(
    '{"Image":"x","__proto__":{"Slipway":{"scope":"boot"}},"constructor":{"prototype":{"x":1}},"Labels":{"__proto__":"v"},"HostConfig":{"__proto__":{"Privileged":true}}}',
  );
  t.equal(request.Slipway, undefined);
  t.equal(request.HostConfig?.Privileged, undefined);
  t.same(Object.entries(request.Labels ?? {}), [['__proto__', 'v']], 'it is a label like any other');
  t.equal(({} as { x?: number }).x, undefined);
});

t.test('wrong types are refused in the words of the server that clients know', async t => {
  const cases: readonly [string, string][] = [
    [
      '{"Image":"x","Tty":"yes"}',
      'cannot unmarshal string into Go struct field ContainerConfigWrapper.Config.Tty of type bool',
    ],
    [
      '{"Image":"x","Env":"A=1"}',
      'cannot unmarshal string into Go struct field ContainerConfigWrapper.Config.Env of type []string',
    ],
    [
      '{"Image":"x","Env":[1]}',
      'cannot unmarshal number into Go struct field ContainerConfigWrapper.Config.Env of type string',
    ],
    [
      '{"Image":"x","Cmd":5}',
      'cannot unmarshal number into Go struct field ContainerConfigWrapper.Config.Cmd of type string',
    ],
    [
      '{"Image":"x","Cmd":[["a"]]}',
      'cannot unmarshal array into Go struct field ContainerConfigWrapper.Config.Cmd of type string',
    ],
    [
      '{"Image":"x","HostConfig":[]}',
      'cannot unmarshal array into Go struct field ContainerConfigWrapper.HostConfig of type container.HostConfig',
    ],
    [
      '{"Image":"x","HostConfig":{"Memory":"1g"}}',
      'cannot unmarshal string into Go struct field HostConfig.HostConfig.Resources.Memory of type int64',
    ],
    [
      '{"Image":"x","HostConfig":{"Memory":1.5}}',
      'cannot unmarshal number 1.5 into Go struct field HostConfig.HostConfig.Resources.Memory of type int64',
    ],
    [
      '{"Image":"x","HostConfig":{"Memory":1e30}}',
      'cannot unmarshal number 1e+30 into Go struct field HostConfig.HostConfig.Resources.Memory of type int64',
    ],
    [
      '{"Image":"x","HostConfig":{"BlkioWeight":-1}}',
      'cannot unmarshal number -1 into Go struct field HostConfig.HostConfig.Resources.BlkioWeight of type uint16',
    ],
    [
      '{"Image":"x","HostConfig":{"Mounts":[{"Target":7}]}}',
      'cannot unmarshal number into Go struct field Mount.HostConfig.Mounts.Target of type string',
    ],
    [
      '{"Image":"x","Labels":{"a":1}}',
      'cannot unmarshal number into Go struct field ContainerConfigWrapper.Config.Labels of type string',
    ],
    [
      '{"Image":"x","Volumes":{"/v":true}}',
      'cannot unmarshal bool into Go struct field ContainerConfigWrapper.Config.Volumes of type struct {}',
    ],
  ];
  for (const [body, sentence] of cases) {
    t.throws(
      () => parse(body),
      { code: 'ENGINE_INVALID_PARAMETER', message: `invalid JSON: json: ${sentence}` },
      body,
    );
  }
  t.throws(() => parse('{}'), { message: 'config cannot be empty in order to create a container' });
});

t.test('a number beyond what is exact is the largest there is', async t => {
  const { HostConfig } = parse('{"Image":"x","HostConfig":{"Memory":9223372036854775807}}');
  t.equal(HostConfig?.Memory, 2 ** 63 - 1024);
});

t.test('an update changes limits and the policy, nothing else', async t => {
  t.same(parseUpdateBody({ Memory: 5, RestartPolicy: { Name: 'always' }, Privileged: true, Slipway: {} }), {
    Memory: 5,
    RestartPolicy: { Name: 'always' },
  });
});
