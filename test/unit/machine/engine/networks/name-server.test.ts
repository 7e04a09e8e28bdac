import t from 'tap';
import { withName } from '../../../../../src/machine/engine/networks/name-server.ts';

t.test('another name in a file of aardvark-dns', t => {
  const text = '10.1.0.1\naa 10.1.0.2  web,www,aa1\nab 10.1.0.3 fd00::3 db 1.1.1.1\n';
  t.equal(
    withName(text, 'aa', 'shop'),
    '10.1.0.1\naa 10.1.0.2  shop,www,aa1\nab 10.1.0.3 fd00::3 db 1.1.1.1\n',
  );
  t.equal(
    withName(text, 'ab', 'store'),
    '10.1.0.1\naa 10.1.0.2  web,www,aa1\nab 10.1.0.3 fd00::3 store 1.1.1.1\n',
  );
  t.equal(withName(text, 'a', 'x'), text);
  t.end();
});
