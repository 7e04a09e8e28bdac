import t from 'tap';
import {
  mergeCloudConfigs,
  parseCloudConfig,
  parseMetadata,
} from '../../../../src/machine/cloud-init/cloud-config.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5SK0cBTKvhZCUWLWU9pYoMnsJfVYFzSLjOEuVXVGZm me@here';
const parse = (body: string) => parseCloudConfig('seed', `#cloud-config\n${body}`);

t.test('keys, host name and consoles are read', async t => {
  const { config, notices } = parse(
    `hostname: box.example\nssh_authorized_keys:\n  - ${KEY}\n  - 'no-pty ${KEY}'\nrancher:\n  autologin: [ttyS0, tty1]\n`,
  );
  t.same(config, {
    hostname: 'box.example',
    sshAuthorizedKeys: [KEY, `no-pty ${KEY}`],
    autologin: ['ttyS0', 'tty1'],
  });
  t.same(notices, []);
});

t.test('what can not be used is left out and named', async t => {
  const cases: { desc: string; text: string; notice: RegExp }[] = [
    { desc: 'no header', text: 'hostname: x', notice: /not cloud-config/ },
    { desc: 'a script', text: '#!/bin/sh\nrm -rf /', notice: /script, which is not supported/ },
    {
      desc: 'a header that only looks like it',
      text: '#cloud-configx\nhostname: x',
      notice: /not cloud-config/,
    },
    { desc: 'broken YAML', text: '#cloud-config\nhostname: [', notice: /seed:\d+:\d+: / },
    { desc: 'a list', text: '#cloud-config\n- a', notice: /not a mapping/ },
    { desc: 'an unknown key', text: '#cloud-config\nruncmd: [x]', notice: /"runcmd" is not used/ },
    {
      desc: 'an unknown rancher key',
      text: '#cloud-config\nrancher: {x: 1}',
      notice: /"rancher.x" is not used/,
    },
    {
      desc: 'a host name with a newline',
      text: '#cloud-config\nhostname: "a\\nb"',
      notice: /not a host name/,
    },
    { desc: 'a host name as path', text: '#cloud-config\nhostname: ../x', notice: /not a host name/ },
    { desc: 'a number', text: '#cloud-config\nhostname: 12', notice: /not a host name/ },
    {
      desc: 'a key with a second line',
      text: `#cloud-config\nssh_authorized_keys: ["${KEY}\\n${KEY}"]`,
      notice: /item 1/,
    },
    {
      desc: 'no key',
      text: '#cloud-config\nssh_authorized_keys: [hello]',
      notice: /item 1 .* not a public key/,
    },
    {
      desc: 'a terminal as path',
      text: '#cloud-config\nrancher: {autologin: ../sda}',
      notice: /names of consoles/,
    },
    {
      desc: 'a key from the prototype',
      text: '#cloud-config\n__proto__: {hostname: x}',
      notice: /"__proto__" is not used/,
    },
    {
      desc: 'a control character in a key',
      text: '#cloud-config\n"\\e[2J": 1',
      notice: /"\?\[2J" is not used/,
    },
    {
      desc: 'a bomb of aliases',
      text: `#cloud-config\na: &a [x,x,x,x,x,x,x,x,x,x]\n${'b c d e f g h i j'
        .split(' ')
        .map(
          (c, i) =>
            `${c}: &${c} [${Array(10)
              .fill(`*${'abcdefghij'.charAt(i)}`)
              .join(',')}]`,
        )
        .join('\n')}\n`,
      notice: /not used/,
    },
    { desc: 'too long', text: `#cloud-config\n${'# x\n'.repeat(300_000)}`, notice: /too large/ },
  ];
  for (const { desc, text, notice } of cases) {
    const { config, notices } = parseCloudConfig('seed', text);
    t.same(config, { sshAuthorizedKeys: [], autologin: [] }, desc);
    t.match(notices.join('\n'), notice, desc);
  }
});

t.test('one bad value does not spoil the others', async t => {
  const { config } = parse(`hostname: "bad name"\nssh_authorized_keys: [x, ${KEY}]`);
  t.same(config.sshAuthorizedKeys, [KEY]);
});

t.test('nothing is nothing', async t => {
  t.same(parseCloudConfig('seed', '\n').notices, []);
  t.same(parse('').notices, []);
});

t.test('meta-data', async t => {
  const read = (text: string) => parseMetadata('seed', text).metadata;
  t.same(read(`instance-id: i-1\nlocal-hostname: box\nother: x\n`), {
    instanceId: 'i-1',
    hostname: 'box',
    sshAuthorizedKeys: [],
  });
  t.equal(read('instance-id: 42').instanceId, '42');
  t.equal(read('instance-id: "a\\nb"').instanceId, undefined);
  t.same(read(`public-keys: {a: ${KEY}}`).sshAuthorizedKeys, [KEY]);
  t.same(read(''), { sshAuthorizedKeys: [] });
});

t.test('later configurations win', async t => {
  const one = { hostname: 'a', sshAuthorizedKeys: ['1'], autologin: [] };
  const two = { sshAuthorizedKeys: ['1', '2'], autologin: ['ttyS0'] };
  t.same(mergeCloudConfigs([one, two]), {
    hostname: 'a',
    sshAuthorizedKeys: ['1', '2'],
    autologin: ['ttyS0'],
  });
});
