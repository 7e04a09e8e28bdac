import t from 'tap';
import {
  imageNotFound,
  normaliseName,
  parseClientReference,
  parseImageName,
  showName,
  showRepository,
} from '../../../../../src/machine/engine/images/image-names.ts';

const HEX = 'ab'.repeat(32);

t.test('what a text can mean', async t => {
  const kinds = (text: string): string[] =>
    parseImageName(text).map(name => (name.kind === 'id' ? `id ${name.isWhole}` : 'reference'));
  t.same(kinds(HEX), ['id true']);
  t.same(kinds(`sha256:${HEX}`), ['id true']);
  t.same(kinds('abc'), ['reference', 'id false'], 'a name goes before the start of an id');
  t.same(kinds('alpine:3'), ['reference']);
  t.same(kinds(`alpine@sha256:${HEX}`), ['reference']);
  for (const text of ['', '../etc', 'UPPER', 'a b', '\0', 'x'.repeat(300)]) t.same(kinds(text), [], text);
});

t.test('names as they are kept and as they are shown', async t => {
  t.equal(normaliseName('alpine'), 'docker.io/library/alpine:latest');
  t.equal(normaliseName('system-images/udev'), 'docker.io/system-images/udev:latest');
  t.equal(normaliseName('My Recipe'), 'My Recipe', 'what is no reference stays');
  t.equal(showName('docker.io/library/alpine:3'), 'alpine:3');
  t.equal(showName(`docker.io/library/alpine@sha256:${HEX}`), `alpine@sha256:${HEX}`);
  t.equal(showRepository('localhost:5000/a/b:1'), 'localhost:5000/a/b');
  t.equal(showRepository(`docker.io/library/alpine@sha256:${HEX}`), 'alpine');
});

t.test("Docker's sentences", async t => {
  t.equal(imageNotFound('alpine').message, 'No such image: alpine:latest');
  t.equal(imageNotFound('docker.io/library/alpine:3').message, 'No such image: alpine:3');
  t.equal(imageNotFound(HEX).message, `No such image: sha256:${HEX}`);
  t.throws(() => parseClientReference('Alpine:3'), {
    kind: 'invalid-input',
    message: 'invalid reference format: repository name (library/Alpine) must be lowercase',
  });
  t.throws(() => parseClientReference('a b'), { message: 'invalid reference format' });
});
