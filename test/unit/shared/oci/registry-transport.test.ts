import t from 'tap';
import { Transport } from '../../../../src/shared/oci/registry-transport.ts';

t.test('a certificate that is not trusted is not tried again', async t => {
  for (const code of [
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ]) {
    let attempts = 0;
    const transport = new Transport({
      fetch: () => {
        attempts += 1;
        return Promise.reject(Object.assign(new Error('self-signed certificate'), { code }));
      },
      insecure: [],
      retryDelaysMs: [0, 0],
      stallMs: 1000,
    });
    await t.rejects(
      transport.request(new URL('https://lab.example/v2/'), { headers: {}, what: 'pulling x' }),
      {
        code: 'OCI_CERTIFICATE_REFUSED',
        message: 'pulling x: https://lab.example: the certificate is refused: self-signed certificate',
      },
    );
    t.equal(attempts, 1, code);
  }
});
