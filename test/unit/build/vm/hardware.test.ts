import t from 'tap';
import {
  type VmHardware,
  chooseFirmware,
  parsePublish,
  qemuArguments,
} from '../../../../src/build/vm/hardware.ts';

const hardware: VmHardware = {
  ...{ arch: 'amd64', memoryMb: 256, cpus: 2, disks: [], publish: [] },
  boot: { kind: 'cd', file: '/a,b.iso' },
};

t.test('commas in file names do not end the value', async t => {
  t.ok(qemuArguments(hardware, 'tcg').some(argument => argument.endsWith('file=/a,,b.iso')));
});

t.test('the medium is never written to', async t => {
  t.match(qemuArguments(hardware, 'tcg').join(' '), 'readonly=on,file=/a,,b.iso');
  const usb = qemuArguments({ ...hardware, boot: { kind: 'usb', file: '/a.iso' } }, 'tcg');
  t.match(usb.join(' '), 'snapshot=on,file=/a.iso');
});

t.test('Secure Boot protects its variables', async t => {
  const firmwareFiles = { code: '/code', variables: '/variables', secure: true };
  const args = qemuArguments({ ...hardware, firmwareFiles }, 'kvm').join(' ');
  t.match(args, 'q35,smm=on');
  t.match(args, 'driver=cfi.pflash01,property=secure,value=on');
  t.match(args, '-accel kvm -cpu host');
});

t.test('published ports are reached from this computer only, unless an address is given', async t => {
  t.same(parsePublish('2222:22'), {
    ...{ protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: 2222, guestPort: 22 },
  });
  t.same(parsePublish('0.0.0.0:53:53/udp'), {
    ...{ protocol: 'udp', hostAddress: '0.0.0.0', hostPort: 53, guestPort: 53 },
  });
  const args = qemuArguments({ ...hardware, publish: [parsePublish('2222:22')] }, 'tcg');
  t.ok(args.includes('user,id=net0,hostfwd=tcp:127.0.0.1:2222-:22'));
});

for (const text of ['22', 'a:b', '0:22', '70000:22', '1.2.3.999:1:2', '1:2,guestfwd=x', '-1:2', '']) {
  t.test(`--publish "${text}" is refused`, async t => {
    t.throws(() => parsePublish(text), { code: 'PUBLISH_INVALID' });
  });
}

t.test('what is wrong with a published port is said', async t => {
  for (const [text, message, hint] of [
    ['99999:1', /there is no port 99999$/, 'ports go from 1 to 65535'],
    ['1:0', /there is no port 0$/, 'ports go from 1 to 65535'],
    ['1.2.3.999:1:2', /1\.2\.3\.999 is not an address of IPv4$/, /2222:22/],
    ['2222', /it is not HOST:GUEST$/, /2222:22/],
  ] as const)
    t.throws(() => parsePublish(text), { code: 'PUBLISH_INVALID', message, hint }, text);
});

t.test('firmware that was asked for is taken, or refused', async t => {
  t.equal(chooseFirmware({}, 'amd64'), 'bios');
  t.equal(chooseFirmware({ uefi: true }, 'amd64'), 'uefi');
  t.equal(chooseFirmware({ secureBoot: true }, 'amd64'), 'secure-boot');
  t.equal(chooseFirmware({}, 'arm64'), 'uefi');
  t.equal(chooseFirmware({ uefi: true }, 'arm64'), 'uefi');
  for (const wish of [{ bios: true }, { secureBoot: true }])
    t.throws(() => chooseFirmware(wish, 'arm64'), { code: 'VM_FIRMWARE_UNSUPPORTED' });
});
