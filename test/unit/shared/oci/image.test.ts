import t from 'tap';
import {
  checkPlatform,
  choosePlatform,
  parseImageConfig,
  parseImageDocument,
} from '../../../../src/shared/oci/image.ts';
import { MEDIA_TYPES } from '../../../../src/shared/oci/media-types.ts';
import { digestOf } from '../../../../src/shared/digest.ts';

const { ociManifest, ociIndex, dockerManifest, dockerManifestList, ociConfig, ociLayerGzip } = MEDIA_TYPES;
const digest = digestOf('x');
const config = { mediaType: ociConfig, digest, size: 10 };
const layer = { mediaType: ociLayerGzip, digest, size: 20 };
const manifest = { schemaVersion: 2, config, layers: [layer] };
const index = { schemaVersion: 2, manifests: [{ mediaType: ociManifest, digest, size: 5 }] };
const bytes = (value: unknown): Uint8Array =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

t.test('reads a manifest and an index', t => {
  const read = parseImageDocument(bytes(manifest), ociManifest, 'image');
  t.match(read, { kind: 'manifest', mediaType: ociManifest, layers: [{ sizeBytes: 20 }] });
  t.match(parseImageDocument(bytes(index), ociIndex, 'image'), { kind: 'index' });
  t.match(parseImageDocument(bytes({ ...manifest, mediaType: ociManifest }), undefined, 'image'), {
    kind: 'manifest',
  });
  t.end();
});

const refused: [name: string, document: unknown, mediaType: string | undefined, code: string][] = [
  [
    'CVE-2021-41190: layers and manifests',
    { ...manifest, ...index },
    ociManifest,
    'OCI_MEDIA_TYPE_CONFUSION',
  ],
  ['CVE-2021-41190: config and manifests', { ...index, config }, ociIndex, 'OCI_MEDIA_TYPE_CONFUSION'],
  ['CVE-2021-41190: index announced as manifest', index, ociManifest, 'OCI_MEDIA_TYPE_CONFUSION'],
  ['CVE-2021-41190: manifest announced as index', manifest, dockerManifestList, 'OCI_MEDIA_TYPE_CONFUSION'],
  [
    'announced as one type, calls itself another',
    { ...manifest, mediaType: dockerManifest },
    ociManifest,
    'OCI_MEDIA_TYPE_CONFUSION',
  ],
  ['keys that differ in case', { ...manifest, Layers: [] }, ociManifest, 'OCI_MEDIA_TYPE_CONFUSION'],
  ['no media type anywhere', manifest, undefined, 'OCI_DOCUMENT_MALFORMED'],
  ['an unknown media type', manifest, 'text/html', 'OCI_MEDIA_TYPE_UNSUPPORTED'],
  ['schema 1', { schemaVersion: 1, fsLayers: [] }, undefined, 'OCI_MEDIA_TYPE_UNSUPPORTED'],
  ['schemaVersion missing', { config, layers: [] }, ociManifest, 'OCI_DOCUMENT_MALFORMED'],
  ['not JSON', 'hello', ociManifest, 'OCI_DOCUMENT_MALFORMED'],
  ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]).toString('latin1'), ociManifest, 'OCI_DOCUMENT_MALFORMED'],
  ['a list', '[]', ociManifest, 'OCI_DOCUMENT_MALFORMED'],
  ['null', 'null', ociManifest, 'OCI_DOCUMENT_MALFORMED'],
  ['layers that are no list', { ...manifest, layers: {} }, ociManifest, 'OCI_DOCUMENT_MALFORMED'],
  [
    'a digest that is a path',
    { ...manifest, layers: [{ ...layer, digest: 'sha256:../../etc/passwd' }] },
    ociManifest,
    'OCI_DOCUMENT_MALFORMED',
  ],
  [
    'a negative size',
    { ...manifest, layers: [{ ...layer, size: -1 }] },
    ociManifest,
    'OCI_DOCUMENT_MALFORMED',
  ],
  [
    'a size that is no integer',
    { ...manifest, layers: [{ ...layer, size: 1.5 }] },
    ociManifest,
    'OCI_DOCUMENT_MALFORMED',
  ],
  ['too many layers', { ...manifest, layers: Array(513).fill(layer) }, ociManifest, 'OCI_DOCUMENT_MALFORMED'],
  [
    'a huge configuration',
    { ...manifest, config: { ...config, size: 1e9 } },
    ociManifest,
    'OCI_DOCUMENT_MALFORMED',
  ],
  [
    'a foreign layer (CVE-2020-15157)',
    {
      ...manifest,
      layers: [
        {
          ...layer,
          mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
          urls: ['http://x'],
        },
      ],
    },
    ociManifest,
    'OCI_MEDIA_TYPE_UNSUPPORTED',
  ],
  [
    'a layer that is JSON',
    { ...manifest, layers: [{ ...layer, mediaType: ociManifest }] },
    ociManifest,
    'OCI_MEDIA_TYPE_UNSUPPORTED',
  ],
  [
    'an artifact',
    { ...manifest, config: { ...config, mediaType: 'application/vnd.oci.empty.v1+json' } },
    ociManifest,
    'OCI_NOT_AN_IMAGE',
  ],
  ['an artifactType', { ...manifest, artifactType: 'application/x.sbom' }, ociManifest, 'OCI_NOT_AN_IMAGE'],
  ['a document over the limit', `{"a":"${'x'.repeat(4 << 20)}"}`, ociManifest, 'OCI_DOCUMENT_MALFORMED'],
];

for (const [name, document, mediaType, code] of refused) {
  t.test(`refuses ${name}`, t => {
    const data = name === 'not UTF-8' ? Buffer.from([0x22, 0xff, 0x22]) : bytes(document);
    t.throws(() => parseImageDocument(data, mediaType, 'image a/b:1'), { code, message: /^image a\/b:1: / });
    t.end();
  });
}

t.test('chooses the platform', t => {
  const platform = (architecture: string, variant?: string, os = 'linux') => ({ os, architecture, variant });
  const of = (...platforms: object[]) => {
    const manifests = platforms.map((p, i) => ({
      mediaType: ociManifest,
      digest: digestOf(String(i)),
      size: i,
      platform: p,
    }));
    const parsed = parseImageDocument(bytes({ schemaVersion: 2, manifests }), ociIndex, 'image');
    if (parsed.kind !== 'index') throw new Error('no index');
    return parsed;
  };
  const all = of(
    platform('amd64', undefined, 'windows'),
    platform('arm', 'v7'),
    platform('arm64', 'v8'),
    platform('amd64', 'v3'),
    platform('amd64'),
  );
  t.equal(choosePlatform(all, 'amd64', 'image').sizeBytes, 4, 'not Windows, not a newer processor');
  t.equal(choosePlatform(all, 'arm64', 'image').sizeBytes, 2);
  t.throws(() => choosePlatform(of(platform('arm', 'v7')), 'amd64', 'image'), {
    code: 'OCI_PLATFORM_MISSING',
    message: 'image: there is no image for linux/amd64; found linux/arm/v7',
  });
  t.throws(() => checkPlatform({ os: 'linux', architecture: 'arm64' }, 'amd64', 'image'), {
    code: 'OCI_PLATFORM_MISSING',
  });
  t.end();
});

t.test('passes over attestations', t => {
  const manifests = [
    {
      mediaType: ociManifest,
      digest,
      size: 1,
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    },
    { mediaType: ociManifest, digest, size: 2, platform: { os: 'linux', architecture: 'amd64' } },
  ];
  const parsed = parseImageDocument(bytes({ schemaVersion: 2, manifests }), ociIndex, 'image');
  t.equal(parsed.kind === 'index' && choosePlatform(parsed, 'amd64', 'image').sizeBytes, 2);
  t.end();
});

t.test('reads a configuration', t => {
  const base = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [digest] } };
  const run = { User: '1:1', Env: ['A=b'], Entrypoint: null, Cmd: ['sh'], Labels: { a: 'b' }, Volumes: {} };
  t.same(parseImageConfig(bytes({ ...base, config: run }), 'image'), {
    platform: { os: 'linux', architecture: 'amd64' },
    run: { User: '1:1', Env: ['A=b'], Cmd: ['sh'], Labels: { a: 'b' }, Volumes: [] },
    diffIds: [digest],
  });
  t.same(parseImageConfig(bytes(base), 'image').run, {}, 'config may be missing');
  const more = {
    ExposedPorts: { '80/tcp': {} },
    Volumes: { '/data': {} },
    Healthcheck: { Test: ['CMD', 'x'], Interval: 5, Retries: 0 },
    Shell: ['/bin/bash', '-c'],
    OnBuild: null,
  };
  t.same(parseImageConfig(bytes({ ...base, config: more }), 'image').run, {
    ExposedPorts: ['80/tcp'],
    Volumes: ['/data'],
    Healthcheck: { Test: ['CMD', 'x'], Interval: 5 },
    Shell: ['/bin/bash', '-c'],
  });
  for (const [name, document] of [
    ['no rootfs', { os: 'linux', architecture: 'amd64' }],
    ['a diff id that is no digest', { ...base, rootfs: { type: 'layers', diff_ids: ['x'] } }],
    ['Cmd that is a text', { ...base, config: { Cmd: 'sh' } }],
    ['Env that holds numbers', { ...base, config: { Env: [1] } }],
    ['labels that are no texts', { ...base, config: { Labels: { a: 1 } } }],
    ['labels too long for a record', { ...base, config: { Labels: { a: 'x'.repeat(1 << 20) } } }],
    ['volumes that are a list', { ...base, config: { Volumes: ['/data'] } }],
    ['a health check that is a text', { ...base, config: { Healthcheck: 'x' } }],
    ['a health check without words', { ...base, config: { Healthcheck: { Test: [1] } } }],
    ['a health check at no time', { ...base, config: { Healthcheck: { Interval: 1.5 } } }],
    ['no architecture', { os: 'linux', rootfs: base.rootfs }],
  ] as const) {
    t.throws(() => parseImageConfig(bytes(document), 'image'), { code: 'OCI_DOCUMENT_MALFORMED' }, name);
  }
  t.end();
});
