import t from 'tap';
import { planVolumes } from '../../../../../src/machine/engine/volumes/plan.ts';
import type { ContainerMount } from '../../../../../src/machine/engine/store/container-record.ts';
import type { HostConfig } from '../../../../../src/machine/engine-api/wire.ts';

const others: Readonly<Record<string, readonly ContainerMount[]>> = {
  other: [
    { kind: 'volume', name: 'shared', destination: '/shared', readOnly: false, mode: 'z' },
    { kind: 'bind', source: '/host', destination: '/bound', options: ['rbind', 'rprivate'], mode: '' },
  ],
};
const plan = (
  host: HostConfig,
  volumes: readonly string[] = [],
  imageVolumes: readonly string[] = [],
): ReturnType<typeof planVolumes> =>
  planVolumes({ Image: 'x', Volumes: volumes, HostConfig: host }, imageVolumes, name => others[name] ?? []);

t.test('names, anonymous ones and mounts', t => {
  t.match(plan({ Binds: ['data:/data', 'logs:/logs:ro,nocopy', '/anonymous', '/host:/host'] }), [
    { kind: 'volume', name: 'data', destination: '/data', readOnly: false, mode: 'z', copy: true },
    { name: 'logs', destination: '/logs', readOnly: true, mode: 'ro,nocopy', copy: false },
    { name: '', destination: '/anonymous', copy: true, mode: '' },
  ]);
  t.match(
    plan({
      Mounts: [
        {
          Type: 'volume',
          Source: 'named',
          Target: '/a//b/',
          ReadOnly: true,
          VolumeOptions: {
            NoCopy: true,
            Labels: { l: '1' },
            Subpath: 'in//side',
            DriverConfig: { Options: { o: 'x' } },
          },
        },
        { Type: 'bind', Source: '/x', Target: '/y' },
        { Type: 'volume', Target: '/z' },
      ],
    }),
    [
      {
        ...{ name: 'named', destination: '/a/b', readOnly: true, mode: 'z', copy: false, subpath: 'in/side' },
        ...{ labels: { l: '1' }, options: { o: 'x' } },
      },
      { name: '', destination: '/z' },
    ],
  );
  t.end();
});

t.test('what the image wants gives way to everything that is asked for', t => {
  const host: HostConfig = {
    Binds: ['data:/a', '/host:/b'],
    Tmpfs: { '/c': '' },
    VolumesFrom: ['other'],
    VolumeDriver: 'local',
  };
  t.same(
    plan(host, ['/a', '/new', '/new/'], ['/b', '/c', '/shared', '/new', '/image']).map(
      mount => mount.destination,
    ),
    ['/a', '/shared', '/bound', '/new', '/image'],
  );
  t.end();
});

t.test("another container's mounts, read-only where asked", t => {
  t.match(plan({ VolumesFrom: ['other:ro'] }), [
    { kind: 'volume', name: 'shared', readOnly: true, copy: false },
    { kind: 'bind', source: '/host', options: ['rbind', 'rprivate', 'ro'] },
  ]);
  t.match(plan({ VolumesFrom: ['other'] }), [{ readOnly: false }, { options: ['rbind', 'rprivate'] }]);
  t.match(plan({ VolumesFrom: ['other'], Binds: ['own:/shared'] }), [{ name: 'own' }, { kind: 'bind' }]);
  t.end();
});

t.test('faults, in the words of Docker', t => {
  const cases: readonly (readonly [HostConfig, string | RegExp])[] = [
    [{ Binds: ['a:b:c:d'] }, "invalid volume specification: 'a:b:c:d'"],
    [{ Binds: ['data:relative'] }, /mount path must be absolute/],
    [{ Binds: ['relative'] }, /invalid mount path: 'relative' mount path must be absolute/],
    [{ Binds: ['data:/x:rw,rw'] }, 'invalid mode: rw,rw'],
    [{ Binds: ['data:/x:z,Z'] }, 'invalid mode: z,Z'],
    [{ Binds: ['data:/x', 'data:/x/'] }, 'Duplicate mount point: /x'],
    [{ Binds: ['data:/x', '/host:/x'] }, 'Duplicate mount point: /x'],
    [{ Mounts: [{ Type: 'volume', Target: '' }] }, /field Target must not be empty/],
    [{ Mounts: [{ Type: 'volume', Target: '/' }] }, /destination can't be '\/'/],
    [{ Mounts: [{ Type: 'volume', Target: '/x', ReadOnly: true }] }, /must not set ReadOnly mode/],
    [
      { Mounts: [{ Type: 'volume', Target: '/x', Source: 'v', BindOptions: {} }] },
      /field BindOptions must not/,
    ],
    ...['/abs', '..', 'a/../../b', 'a/..'].map(
      Subpath =>
        [
          { Mounts: [{ Type: 'volume', Target: '/x', Source: 'v', VolumeOptions: { Subpath } }] },
          /subpath must be a relative path within the volume/,
        ] as const,
    ),
    [{ Mounts: [{ Type: 'volume', Target: '/x', VolumeOptions: { Subpath: 'a' } }] }, /must not set Subpath/],
    [{ VolumesFrom: [''] }, 'volumes-from specification cannot be an empty string'],
    [{ VolumesFrom: ['other:shared'] }, 'invalid mode: shared'],
    [{ VolumesFrom: ['other:ro:x'] }, 'invalid mode: ro:x'],
  ];
  for (const [host, message] of cases)
    t.throws(() => plan(host), { message, kind: 'invalid-input' }, JSON.stringify(host));
  t.end();
});
