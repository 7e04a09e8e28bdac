import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readRegistryCertificates } from '../../../../../src/machine/engine/settings/registry-certificates.ts';
import { readTlsFiles } from '../../../../../src/machine/engine/settings/tls-files.ts';
import { issueCertificate, makeAuthority } from '../../../../support/certificates.ts';

t.test("certificates of one registry, the last folder's", async t => {
  const folder = t.testdir({
    secret: { 'ca.crt': 'not for a registry' },
    image: {
      'lab.example:5000': {
        'b.crt': 'B',
        'a.crt': 'A',
        'me.cert': 'C',
        'me.key': 'K',
        'other.cert': 'X',
        README: '',
      },
      'lab.example': { 'ca.crt': 'image' },
      'empty.example': {},
    },
    state: { 'lab.example': { 'ca.crt': 'state' } },
  });
  const folders = [join(folder, 'image'), join(folder, 'state'), join(folder, 'missing')];
  t.same(readRegistryCertificates(folders, 'lab.example:5000'), {
    authorities: ['A', 'B'],
    certificate: 'C',
    key: 'K',
  });
  t.same(readRegistryCertificates(folders, 'lab.example'), { authorities: ['state'] });
  t.same(readRegistryCertificates(folders, 'empty.example'), { authorities: [] });
  for (const host of ['other.example', '..', '.', '', '../secret', 'lab.example/..'])
    t.equal(readRegistryCertificates(folders, host), undefined, host);
});

t.test('files of the TLS port', async t => {
  const folder = t.testdir();
  const authority = makeAuthority('one');
  const { certificate, key } = issueCertificate(authority, 'one', 'server');
  const [image, state] = [join(folder, 'image'), join(folder, 'state')];
  for (const path of [image, state]) mkdirSync(path);
  const put = (where: string, name: string, text: string) =>
    writeFileSync(join(where, name), text, { mode: 0o600 });
  const refuse = (message: string) =>
    t.rejects(readTlsFiles([image, state]), { code: 'TLS_FILES_UNUSABLE', message });

  await refuse(`there is no ca.pem, no server-cert.pem, no server-key.pem in ${image} or ${state}`);
  put(image, 'ca.pem', authority.certificate);
  await refuse(`${image} has no server-cert.pem and no server-key.pem`);
  put(image, 'server-cert.pem', certificate);
  put(image, 'server-key.pem', key);
  t.same(await readTlsFiles([image, state]), { authority: authority.certificate, certificate, key });
  put(image, 'server-key.pem', issueCertificate(authority, 'one', 'another').key);
  await refuse(`certificate and key in ${image} do not fit: `);
  put(image, 'server-key.pem', key);
  put(image, 'ca.pem', 'nothing');
  await refuse(`${join(image, 'ca.pem')} holds no certificate`);
  put(image, 'ca.pem', authority.certificate);
  chmodSync(join(image, 'server-key.pem'), 0o640);
  t.match(await readTlsFiles([image, state]), {
    warning: /server-key\.pem can be read by others than root: chmod 600/,
  });
  put(state, 'ca.pem', authority.certificate);
  await refuse(`${state} has no server-cert.pem and no server-key.pem`);
  put(state, 'server-cert.pem', 'x'.repeat(2 * 1024 * 1024));
  await t.rejects(readTlsFiles([image, state]), {
    code: 'ENGINE_SETTINGS_INVALID',
    message: /is larger than 1 MiB/,
  });
});
