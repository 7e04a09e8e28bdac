import t from 'tap';
import { chosenDatasources, kernelConfig } from '../../../../src/machine/boot/phases/seed.ts';
import { parseKernelCmdline } from '../../../../src/shared/kernel-cmdline.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5SK0cBTKvhZCUWLWU9pYoMnsJfVYFzSLjOEuVXVGZm me@here';

t.test('cloud-config keys on the kernel line', async t => {
  const notices: string[] = [];
  const line = parseKernelCmdline(
    `quiet cc.hostname=box cc.ssh_authorized_keys=["${KEY}"] rancher.autologin=ttyS0 rancher.autologin=tty1`,
  );
  t.same(kernelConfig(line, notices), {
    hostname: 'box',
    sshAuthorizedKeys: [KEY],
    autologin: ['ttyS0', 'tty1'],
  });
  t.same(notices, []);
});

t.test('what is wrong there is said', async t => {
  const notices: string[] = [];
  kernelConfig(
    parseKernelCmdline('cc.hostname=-x- rancher.autologin=../x cc.ssh_authorized_keys=[x]'),
    notices,
  );
  t.match(notices, [/the kernel line: "cc.hostname"/, /cc.ssh_authorized_keys/, /rancher.autologin/]);
});

t.test('the kernel line decides who is asked', async t => {
  const chosen = (line: string) => chosenDatasources(parseKernelCmdline(line), ['nocloud']);
  t.same(chosen('quiet'), ['nocloud']);
  t.same(chosen('slipway.datasources=[]'), []);
  t.same(chosen('rancher.cloud_init.datasources=[url:http://x]'), ['url:http://x']);
});
