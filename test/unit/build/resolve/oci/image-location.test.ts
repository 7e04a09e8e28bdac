import t from 'tap';
import { type ImageLocation, imageNames } from '../../../../../src/build/resolve/oci/image-location.ts';
import { parseImageSource } from '../../../../../src/shared/manifest/image-source.ts';

const DIGEST = `sha256:${'a'.repeat(64)}` as const;
const INDEX = `sha256:${'1'.repeat(64)}`;
const REPOSITORY = 'docker.io/library/alpine';
const locked = {
  reference: 'alpine',
  manifest: { digest: DIGEST, mediaType: 'application/vnd.oci.image.manifest.v1+json', sizeBytes: 1 },
  config: { digest: DIGEST, sizeBytes: 1 },
  layers: [],
} as const;

t.test('a tag is a name, a digest is none', async t => {
  const cases: [string, string[], string[]][] = [
    ['alpine', [`${REPOSITORY}:latest`], [`${REPOSITORY}@${DIGEST}`]],
    ['alpine:3.22', [`${REPOSITORY}:3.22`], [`${REPOSITORY}@${DIGEST}`]],
    [`alpine@${DIGEST}`, [], [`${REPOSITORY}@${DIGEST}`]],
    [`alpine@${INDEX}`, [], [`${REPOSITORY}@${INDEX}`, `${REPOSITORY}@${DIGEST}`]],
    [`alpine:3.22@${INDEX}`, [], [`${REPOSITORY}@${INDEX}`, `${REPOSITORY}@${DIGEST}`]],
    ['oci:layout:v1', ['local/layout:v1'], []],
  ];
  for (const [text, names, repoDigests] of cases)
    t.strictSame(imageNames(parseImageSource(text) as ImageLocation, locked), { names, repoDigests }, text);
});
