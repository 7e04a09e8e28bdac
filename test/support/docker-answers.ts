import type { FakeAnswer, FakeAnswers, RecordedRequest } from './fake-docker.ts';

/** Answers of an engine with a bit of everything, for comparing clients. Labels are single: Go shuffles them. */

const ID = 'ab'.repeat(32);
const OTHER = '12'.repeat(32);
const CREATED = 'cd'.repeat(32);

const container = {
  Id: ID,
  Names: ['/web', '/other/alias'],
  Image: 'nginx:latest',
  ImageID: `sha256:${'cd'.repeat(32)}`,
  Command: "sh -c 'echo one; sleep 1000 with long'",
  Created: 1_700_000_000,
  Ports: [
    { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
    { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
    { PrivatePort: 443, Type: 'tcp' },
    { PrivatePort: 444, Type: 'tcp' },
    { PrivatePort: 53, Type: 'udp' },
  ],
  Labels: { 'org.my-label': 'x<y&z' },
  State: 'running',
  Status: 'Up 3 seconds',
  HostConfig: { NetworkMode: 'bridge' },
  NetworkSettings: { Networks: { bridge: {} } },
  Mounts: [
    { Type: 'volume', Name: 'a'.repeat(64), Source: '/v', Destination: '/d', Driver: 'local', RW: true },
    { Type: 'bind', Source: '/very/long/source/path', Destination: '/e' },
  ],
  SizeRw: 12_345,
  SizeRootFs: 123_456_789,
};
const stopped = {
  ...container,
  ...{ Id: OTHER, Names: ['/b'], Ports: [], Mounts: [], Labels: {} },
  ...{ Status: 'Exited (0) 2 hours ago', State: 'exited', SizeRw: 100 },
};

const inspected = {
  Id: 'x',
  Name: '/x',
  Created: '2023-01-01T00:00:00.123456789Z',
  State: { Status: 'running', Running: true, Pid: 12 },
  RestartCount: 0,
  HostConfig: {
    ...{ Binds: null, Init: null, Memory: 123_456_789_012, NanoCpus: 1_500_000_000, ConsoleSize: [0, 0] },
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    LogConfig: { Type: 'json-file', Config: {} },
  },
  Config: { Labels: { a: 'b' }, Env: ['A=b', 'C=d'], Cmd: null, Entrypoint: null },
  NetworkSettings: {
    Networks: {},
    Ports: {
      '80/tcp': [
        { HostIp: '0.0.0.0', HostPort: '8080' },
        { HostIp: '::', HostPort: '8080' },
      ],
      '53/udp': [{ HostIp: '127.0.0.1', HostPort: '5353' }],
      '443/tcp': null,
    },
  },
  Mounts: [{ Type: 'bind', Source: '/a', Destination: '/b', Mode: '', RW: true, Propagation: 'rprivate' }],
  Extra: { f: 1.5, big: 1e9, words: ['<a>'], nothing: null },
};

const image = (number: number, change: object): object => ({
  ...{
    Containers: -1,
    Created: 1_700_000_000 + number,
    Id: `sha256:${String(number).repeat(64)}`,
    Labels: null,
  },
  ...{ ParentId: '', RepoDigests: [], RepoTags: [], SharedSize: -1, Size: 123_456_789 },
  ...change,
});
const images = [
  image(1, { RepoTags: ['nginx:latest', 'nginx:1'], RepoDigests: [`nginx@sha256:${'a'.repeat(64)}`] }),
  image(2, { RepoTags: null, RepoDigests: null }),
  image(3, {
    RepoTags: ['localhost:5000/x/y:1'],
    RepoDigests: [`localhost:5000/x/y@sha256:${'b'.repeat(64)}`, `other@sha256:${'c'.repeat(64)}`],
  }),
  image(4, { RepoTags: ['<none>:<none>'], RepoDigests: ['<none>@<none>'], Size: 0 }),
  image(5, { RepoDigests: [`foo@sha256:${'d'.repeat(64)}`], Size: 999_900 }),
];

const volume = {
  ...{ Name: 'v', Driver: 'local', Mountpoint: '/m/v', Labels: { a: 'b' }, Scope: 'local' },
  ...{ CreatedAt: '2023-01-01T00:00:00Z', Options: null },
};
const network = {
  ...{ Name: 'bridge', Id: 'e'.repeat(64), Created: '2023-01-01T00:00:00.123456789Z', Scope: 'local' },
  ...{ Driver: 'bridge', EnableIPv6: false, Internal: false, Attachable: false, Ingress: false },
  IPAM: { Driver: 'default', Options: null, Config: [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' }] },
  ...{ ConfigFrom: { Network: '' }, ConfigOnly: false, Containers: {}, Options: {}, Labels: { x: 'y' } },
};

/** Two frames, one of each stream, on a taken-over connection. */
const framed: FakeAnswer = {
  hijack: Buffer.concat([
    Buffer.from([1, 0, 0, 0, 0, 0, 0, 3]),
    Buffer.from('hi\n'),
    Buffer.from([2, 0, 0, 0, 0, 0, 0, 3]),
    Buffer.from('er\n'),
  ]),
  headers: { 'content-type': 'application/vnd.docker.multiplexed-stream' },
};

const lines = (...values: readonly object[]): FakeAnswer => ({
  text: values.map(value => `${JSON.stringify(value)}\n`).join(''),
  headers: { 'content-type': 'application/json' },
});

const stats = (change: object): FakeAnswer => ({
  json: {
    ...{ name: '/x', id: ID, num_procs: 0, storage_stats: {}, pids_stats: { current: 3 } },
    blkio_stats: {
      io_service_bytes_recursive: [
        { op: 'read', value: 12_345 },
        { op: 'write', value: 99_999 },
      ],
    },
    cpu_stats: { cpu_usage: { total_usage: 2e9 }, system_cpu_usage: 20e9, online_cpus: 2 },
    precpu_stats: { cpu_usage: { total_usage: 1e9 }, system_cpu_usage: 10e9, online_cpus: 2 },
    memory_stats: { usage: 123_456_789, stats: { inactive_file: 23_456_789 }, limit: 2_088_763_392 },
    networks: { eth0: { rx_bytes: 1234, tx_bytes: 5678 } },
    ...change,
  },
});

const missing = (message: string): FakeAnswer => ({ status: 404, json: { message } });

const FOLDER = 0x8000_0000 + 0o755;
const pathStat = (name: string, mode: number): Record<string, string> => ({
  'X-Docker-Container-Path-Stat': Buffer.from(
    JSON.stringify({ name, size: 3, mode, mtime: '2023-01-01T00:00:00Z', linkTarget: '' }),
  ).toString('base64'),
});

function statPath({ query }: RecordedRequest): FakeAnswer {
  const path = String(query.path);
  if (/^\/(tmp|etc|dir)\/?$/.test(path)) return { headers: pathStat(path.split('/')[1] ?? '', FOLDER) };
  if (/^\/new|nope|^name/.test(path)) return missing(`Could not find the file ${path} in container x`);
  return { headers: pathStat('foo', 0o644) };
}

/** What an engine says of containers. */
const containers: FakeAnswers = {
  'GET /containers/json': { json: [container, stopped] },
  'GET /containers/x/json': { json: inspected },
  'GET /containers/nope/json': missing('No such container: nope'),
  'GET /containers/v/json': missing('No such container: v'),
  'GET /containers/n/json': missing('No such container: n'),
  'GET /containers/halted/json': { json: { Id: 's', State: { Running: false }, Config: {} } },
  'POST /containers/create': ({ body }) =>
    body.includes('"Image":"absent"') && !pulled.has('absent')
      ? missing('No such image: absent:latest')
      : { status: 201, json: { Id: CREATED, Warnings: ['be warned'] } },
  [`POST /containers/${CREATED}/start`]: { status: 204 },
  [`POST /containers/${CREATED}/attach`]: framed,
  [`POST /containers/${CREATED}/wait`]: { json: { StatusCode: 5 } },
  'POST /containers/x/start': { status: 204 },
  'POST /containers/y/start': { status: 204 },
  'POST /containers/x/stop': { status: 204 },
  'POST /containers/x/restart': { status: 204 },
  'POST /containers/x/kill': { status: 204 },
  'POST /containers/x/pause': { status: 204 },
  'POST /containers/x/unpause': { status: 204 },
  'POST /containers/x/rename': { status: 204 },
  'POST /containers/x/wait': { json: { StatusCode: 7 } },
  'POST /containers/x/attach': framed,
  'POST /containers/x/update': { json: { Warnings: ['w1'] } },
  'POST /containers/y/update': { json: { Warnings: null } },
  'POST /containers/prune': { json: { ContainersDeleted: ['a', 'b'], SpaceReclaimed: 1234 } },
  'DELETE /containers/x': { status: 204 },
  'GET /containers/x/logs': {
    text: Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 3]), Buffer.from('er\n')]),
  },
  'GET /containers/x/export': { text: 'TARTAR' },
  'GET /containers/x/top': {
    json: {
      Titles: ['UID', 'PID', 'CMD'],
      Processes: [
        ['root', '1', 'sh'],
        ['a long user', '12345', 'sleep 1 2 3'],
      ],
    },
  },
  'GET /containers/x/changes': {
    json: [
      { Path: '/a', Kind: 0 },
      { Path: '/b', Kind: 1 },
      { Path: '/c', Kind: 2 },
    ],
  },
  'GET /containers/x/stats': stats({}),
  'GET /containers/nope/stats': missing('No such container: nope'),
  'HEAD /containers/x/archive': statPath,
  'PUT /containers/x/archive': { status: 200 },
  'POST /containers/x/exec': { status: 201, json: { Id: 'EX' } },
  'POST /exec/EX/start': ({ body }) => (body.includes('"Detach":true') ? { status: 200 } : framed),
  'GET /exec/EX/json': { json: { ID: 'EX', Running: false, ExitCode: 3, ContainerID: 'x', Pid: 1 } },
};

/** Images that were pulled since the answers were put up. */
const pulled = new Set<string>();

const resources: FakeAnswers = {
  'GET /images/json': { json: images },
  'GET /images/x/json': { json: { Id: 'sha256:1', RepoTags: ['x:1'], Size: 12, Config: {} } },
  'GET /images/v/json': missing('No such image: v'),
  'GET /images/n/json': missing('No such image: n'),
  'GET /images/x/history': {
    json: [
      {
        ...{ Id: `sha256:${'1'.repeat(64)}`, Created: 1_700_000_000, Tags: ['x:1'], Size: 0, Comment: '' },
        CreatedBy: '/bin/sh -c #(nop)  CMD ["nginx" "-g" "daemon off;"]\tand more text here to be cut',
      },
      { Id: '<missing>', Created: 1_600_000_000, CreatedBy: 'short', Size: 7_654_321, Comment: 'buildkit' },
    ],
  },
  'POST /images/create': ({ query }) => {
    pulled.add(String(query.fromImage));
    return lines(
      { status: 'Pulling from library/x', id: 'latest' },
      { status: 'Pulling fs layer', progressDetail: {}, id: 'abc' },
      { status: 'Downloading', progressDetail: { current: 500, total: 1000 }, progress: '[=>  ]', id: 'abc' },
      { status: 'Pull complete', progressDetail: {}, id: 'abc' },
      { status: 'Digest: sha256:1234' },
      { status: 'Status: Downloaded newer image for x:latest' },
    );
  },
  'POST /images/x/push': lines(
    { status: 'The push refers to repository [docker.io/library/x]' },
    { status: 'Preparing', progressDetail: {}, id: 'abc' },
    { status: 'Pushed', progressDetail: {}, id: 'abc' },
    { status: 'latest: digest: sha256:12 size: 528' },
    { progressDetail: {}, aux: { Tag: 'latest', Digest: 'sha256:12', Size: 528 } },
  ),
  'POST /images/localhost:5000/x/push': lines(
    { status: 'x' },
    { errorDetail: { message: 'denied' }, error: 'denied' },
  ),
  'POST /images/load': lines({ stream: 'Loaded image: x:1\n' }),
  'GET /images/get': { text: 'TAR' },
  'POST /images/a/tag': { status: 201 },
  'DELETE /images/a': { json: [{ Untagged: 'a:latest' }, { Deleted: 'sha256:1' }] },
  'POST /images/prune': {
    json: { ImagesDeleted: [{ Untagged: 'x:1' }, { Deleted: 'sha256:1' }], SpaceReclaimed: 5678 },
  },
  'POST /commit': { status: 201, json: { Id: 'sha256:cc' } },
  'GET /volumes': {
    json: {
      Volumes: [
        volume,
        { ...volume, Name: 'z', Labels: null },
        { ...volume, Name: 'v10' },
        { ...volume, Name: 'v9' },
      ],
    },
  },
  'GET /volumes/v': { json: volume },
  'POST /volumes/create': { status: 201, json: { Name: 'vol1', Driver: 'local' } },
  'POST /volumes/prune': { json: { VolumesDeleted: ['v'], SpaceReclaimed: 5 } },
  'DELETE /volumes/v': { status: 204 },
  'DELETE /volumes/w': { status: 409, json: { message: 'volume is in use' } },
  'GET /networks': {
    json: [
      network,
      { ...network, Name: 'n10' },
      { ...network, Name: 'n9', Id: 'f'.repeat(64), Driver: 'host' },
    ],
  },
  'GET /networks/n': { json: network },
  'GET /networks/v': missing('network v not found'),
  'POST /networks/create': { status: 201, json: { Id: 'nid' } },
  'POST /networks/n/connect': { status: 200 },
  'POST /networks/n/disconnect': { status: 200 },
  'POST /networks/prune': { json: { NetworksDeleted: ['n'] } },
  'DELETE /networks/n': { status: 204 },
};

const system: FakeAnswers = {
  'GET /version': {
    json: {
      Platform: { Name: 'Slipway <x>' },
      Components: [
        { Name: 'Engine', Version: '1.2', Details: { ApiVersion: '1.45', Os: 'linux', Arch: 'amd64' } },
        { Name: 'conmon', Version: '2.1', Details: {} },
      ],
      ...{ Version: '1.2', ApiVersion: '1.45', MinAPIVersion: '1.24', GitCommit: '', GoVersion: '' },
      ...{ Os: 'linux', Arch: 'amd64', KernelVersion: '6.1', BuildTime: '' },
    },
  },
  'GET /info': {
    json: {
      ...{
        ID: 'abc',
        Containers: 2,
        ContainersRunning: 1,
        ContainersPaused: 0,
        ContainersStopped: 1,
        Images: 3,
      },
      ...{
        Driver: 'overlay2',
        DriverStatus: [['Image stores', '1']],
        Debug: false,
        LoggingDriver: 'k8s-file',
      },
      Plugins: { Volume: ['local'], Network: ['host', 'null'], Authorization: null, Log: ['k8s-file'] },
      ...{ CgroupDriver: 'cgroupfs', CgroupVersion: '2', KernelVersion: '6.1', OperatingSystem: 'Slip' },
      ...{ OSVersion: '1', OSType: 'linux', Architecture: 'x86_64', NCPU: 2, MemTotal: 2_088_763_392 },
      ...{ RegistryConfig: null, DockerRootDir: '/x', HttpProxy: '', HttpsProxy: '', NoProxy: '', Name: 'n' },
      ...{ Labels: [], ExperimentalBuild: false, ServerVersion: '1.2', DefaultRuntime: 'crun' },
      Runtimes: { crun: { path: 'crun' }, runc: { path: 'r' } },
      Swarm: { NodeID: '', NodeAddr: '', LocalNodeState: 'inactive', ControlAvailable: false, Error: '' },
      ...{ LiveRestoreEnabled: true, InitBinary: '', ContainerdCommit: { ID: '', Expected: '' } },
      ...{ RuncCommit: { ID: '1', Expected: '1' }, InitCommit: { ID: '', Expected: '' } },
      SecurityOptions: ['name=seccomp,profile=builtin', 'name=cgroupns'],
      Warnings: ['WARNING: x'],
    },
  },
  'GET /events': {
    // The number is larger than JavaScript's own are exact.
    text: [
      `{"status":"start","id":"abc","from":"img","Type":"container","Action":"start","Actor":{"ID":"abcdef","Attributes":{"name":"x","image":"img"}},"scope":"local","time":1700000000,"timeNano":1700000000123456789}\n`,
      `{"Type":"network","Action":"connect","Actor":{"ID":"n1","Attributes":{}},"scope":"local","time":1700000000,"timeNano":1700000000123000000}\n`,
    ].join(''),
  },
  'GET /system/df': {
    json: {
      LayersSize: 1_092_588,
      Images: images.map((item, index) => ({
        ...item,
        ...{ Containers: index === 0 ? 1 : 0, SharedSize: index * 100, Size: 1_000_000 * index + 100 },
      })),
      Containers: [container, stopped],
      Volumes: [
        { ...volume, UsageData: { Size: 1_234_567, RefCount: 1 } },
        { ...volume, Name: 'w', UsageData: { Size: 10, RefCount: 0 } },
      ],
      BuildCache: [],
      BuilderSize: 0,
    },
  },
  'POST /build/prune': { json: { CachesDeleted: null, SpaceReclaimed: 0 } },
  'POST /auth': { json: { Status: 'Login Succeeded', IdentityToken: '' } },
};

/** The answers; each call begins with an engine that has pulled nothing. */
export function dockerAnswers(): FakeAnswers {
  pulled.clear();
  return { ...containers, ...resources, ...system };
}
