import t from 'tap';
import { sealHostPaths } from '../../../../src/build/tools/seal.ts';

t.test('a name of a host file becomes a name of nothing, just as long', async t => {
  const program = Buffer.from('\x7fELF\0/etc/group\0/usr/lib/\0rest');
  t.equal(sealHostPaths(program).toString('latin1'), '\x7fELF\0/0tc/group\0/0sr/lib/\0rest');
});

t.test('ends of a sealed string stay, since linkers share them', async t => {
  const sealed = sealHostPaths(Buffer.from('\0/etc/nsswitch.conf\0')).toString('latin1');
  t.ok(sealed.endsWith('.conf\0'));
  t.ok(sealHostPaths(Buffer.from('\0/etc/passwd\0')).toString('latin1').endsWith('passwd\0'));
});

t.test('other strings and the input itself stay as they are', async t => {
  const program = Buffer.from('\0/etc/group.bak\0x/etc/group\0/etc/hosts\0');
  t.same(sealHostPaths(program), program);
  const original = Buffer.from('\0/etc/group\0');
  sealHostPaths(original);
  t.equal(original.toString(), '\0/etc/group\0');
});

t.test('each place is sealed where a name stands more than once', async t => {
  t.equal(sealHostPaths(Buffer.from('\0/lib/\0/lib/\0')).toString(), '\0/0ib/\0/0ib/\0');
});
