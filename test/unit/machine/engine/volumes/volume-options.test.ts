import t from 'tap';
import {
  checkVolumeName,
  checkVolumeOptions,
  parseVolumeMount,
  withServerAddress,
} from '../../../../../src/machine/engine/volumes/volume-options.ts';

t.test('names', t => {
  for (const name of ['ab', 'a.b_c-1', 'A0', 'v'.repeat(200)]) checkVolumeName(name);
  for (const name of ['a', '', '.a', '-a', 'a/b', '../x', 'a b', 'a\0b', 'ä1', 'v'.repeat(201)]) {
    t.throws(() => checkVolumeName(name), { code: 'ENGINE_INVALID_PARAMETER' }, name);
  }
  t.end();
});

t.test('options', t => {
  checkVolumeOptions('v', {});
  checkVolumeOptions('v', { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' });
  t.throws(() => checkVolumeOptions('v', { colour: 'red' }), {
    message: 'create v: invalid option: "colour"',
  });
  t.throws(() => checkVolumeOptions('v', { o: 'x' }), {
    message: 'create v: missing required option: "device"',
  });
  t.throws(() => checkVolumeOptions('v', { device: 'x' }), {
    message: 'create v: missing required option: "type"',
  });
  t.throws(() => checkVolumeOptions('v', { size: '1g' }), { message: /no quota support/ });
  t.throws(() => checkVolumeOptions('v', { type: 'a\0b', device: 'x' }), {
    code: 'ENGINE_INVALID_PARAMETER',
  });
  t.end();
});

t.test('what is mounted', t => {
  t.equal(parseVolumeMount({}), undefined);
  t.same(parseVolumeMount({ type: 'none', device: '/x', o: 'bind' }), {
    type: 'none',
    device: '/x',
    options: 'bind',
  });
  const nfs = parseVolumeMount({ type: 'nfs', device: ':/export', o: 'addr=files.example,rw' });
  t.match(nfs, { server: 'files.example' });
  t.equal(nfs && withServerAddress(nfs, '192.0.2.1'), 'addr=192.0.2.1,rw');
  for (const address of ['192.0.2.1', '2001:db8::1']) {
    t.equal(parseVolumeMount({ type: 'nfs', device: ':/x', o: `addr=${address}` })?.server, undefined);
  }
  t.equal(parseVolumeMount({ type: 'ext4', device: '/dev/x', o: 'addr=files.example' })?.server, undefined);
  t.end();
});
