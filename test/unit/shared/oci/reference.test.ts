import t from 'tap';
import { familiarName, formatReference, parseReference } from '../../../../src/shared/oci/reference.ts';

const HEX = 'a'.repeat(64);

const good: [text: string, full: string, familiar: string][] = [
  ['alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['alpine:3.22', 'docker.io/library/alpine:3.22', 'alpine:3.22'],
  ['team/app', 'docker.io/team/app:latest', 'team/app:latest'],
  ['docker.io/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['index.docker.io/library/alpine:1', 'docker.io/library/alpine:1', 'alpine:1'],
  ['library/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['library/a/b', 'docker.io/library/a/b:latest', 'library/a/b:latest'],
  ['localhost/app', 'localhost/app:latest', 'localhost/app:latest'],
  ['localhost:5000/app:v1', 'localhost:5000/app:v1', 'localhost:5000/app:v1'],
  ['[::1]:5000/app', '[::1]:5000/app:latest', '[::1]:5000/app:latest'],
  ['Registry/app', 'Registry/app:latest', 'Registry/app:latest'],
  [
    'registry.example/a/b/c__d-e.f:T_1',
    'registry.example/a/b/c__d-e.f:T_1',
    'registry.example/a/b/c__d-e.f:T_1',
  ],
  [`alpine@sha256:${HEX}`, `docker.io/library/alpine@sha256:${HEX}`, `alpine@sha256:${HEX}`],
  [`alpine:1@sha256:${HEX}`, `docker.io/library/alpine:1@sha256:${HEX}`, `alpine:1@sha256:${HEX}`],
];

for (const [text, full, familiar] of good) {
  t.test(`reads ${text}`, t => {
    const reference = parseReference(text);
    t.equal(formatReference(reference), full);
    t.equal(familiarName(reference), familiar);
    t.same(parseReference(full), reference, 'the full spelling means the same');
    t.end();
  });
}

const bad: [text: string, reason: RegExp][] = [
  ['', /empty/],
  ['https://registry.example/app', /scheme/],
  ['Alpine', /name "Alpine" is malformed/],
  ['app:', /tag/],
  ['app:a b', /tag/],
  [`app:${'x'.repeat(129)}`, /tag/],
  ['app@sha256:abc', /digest/],
  [`app@sha512:${HEX}`, /digest/],
  [`app@sha256:${HEX}@sha256:${HEX}`, /more than one/],
  ['../etc/passwd', /registry|name/],
  ['registry.example/../x', /name/],
  ['registry.example//x', /name/],
  ['a/./b', /name/],
  ['user@host/app', /digest/],
  ['host:99999/app', /registry/],
  ['host:port/app', /registry/],
  [HEX, /image id/],
  [`registry.example/${'a'.repeat(255)}`, /longer/],
  ['app\n:x', /name/],
  ['app%2f..', /name/],
];

for (const [text, reason] of bad) {
  t.test(`refuses ${JSON.stringify(text.slice(0, 40))}`, t => {
    t.throws(() => parseReference(text), { code: 'OCI_REFERENCE_INVALID', message: reason });
    t.end();
  });
}
