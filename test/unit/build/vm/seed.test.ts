import { createPublicKey } from 'node:crypto';
import t from 'tap';
import { formatSeed, seedWarnings } from '../../../../src/build/vm/seed.ts';
import { generateSshKey, loadPublicKeys } from '../../../../src/build/vm/ssh-key.ts';
import { parseCloudConfig, parseMetadata } from '../../../../src/machine/cloud-init/cloud-config.ts';

const base = { authorizedKeys: [], autologin: ['ttyS0'] };
const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPxlqSyFmLVqgDMbAbaRJZsuHvSFQWmYwKLe0U8zJ8h me@here';

t.test('the machine reads what the seed says', async t => {
  const { userData, metaData } = formatSeed({ ...base, hostname: 'demo', authorizedKeys: [key] });
  const user = parseCloudConfig('seed', userData);
  const meta = parseMetadata('seed', metaData);
  t.same(user, { config: { sshAuthorizedKeys: [], autologin: ['ttyS0'] }, notices: [] });
  t.same(meta.metadata, { instanceId: 'slipway-run', hostname: 'demo', sshAuthorizedKeys: [key] });
  t.same(meta.notices, []);
});

t.test("a user's cloud-config is added and wins", async t => {
  const text = `#cloud-config\nhostname: mine\nssh_authorized_keys: ["${key}"]\nrancher:\n  debug: true\n`;
  const { userData, metaData } = formatSeed({
    ...base,
    hostname: 'demo',
    cloudConfig: { file: 'c.yml', text },
  });
  const { config } = parseCloudConfig('seed', userData);
  t.same(config, { hostname: 'mine', sshAuthorizedKeys: [key], autologin: ['ttyS0'] });
  t.match(JSON.parse(userData.slice(userData.indexOf('\n'))), { rancher: { debug: true } });
  t.match(metaData, '"local-hostname": "demo"');
});

t.test('a user may turn the console login off', async t => {
  const text = '#cloud-config\nrancher: {autologin: []}\n';
  const { userData } = formatSeed({ ...base, cloudConfig: { file: 'c.yml', text } });
  t.same(parseCloudConfig('seed', userData).config.autologin, []);
});

t.test('an empty cloud-config adds nothing', async t => {
  const { userData } = formatSeed({ ...base, cloudConfig: { file: 'c.yml', text: '#cloud-config\n' } });
  t.same(parseCloudConfig('seed', userData).config.autologin, ['ttyS0']);
});

for (const [name, text] of [
  ['a script', '#!/bin/sh\necho'],
  ['a list', '#cloud-config\n- a\n'],
  ['a word that begins alike', '#cloud-configuration\na: b\n'],
] as const) {
  t.test(`${name} is refused`, async t => {
    t.throws(() => formatSeed({ ...base, cloudConfig: { file: 'c.yml', text } }), {
      code: 'SEED_NOT_CLOUD_CONFIG',
      message: /c\.yml/,
    });
  });
}

t.test('keys that have no effect are told with their place', async t => {
  const text = '#cloud-config\nhostname: a\nusers: [x]\nrancher:\n  autologin: []\n  debug: true\n';
  t.match(seedWarnings({ file: 'c.yml', text }), [
    {
      message: '"users" has no effect: the machine does not use it',
      place: { file: 'c.yml', line: 3, column: 1 },
      hint: 'the keys that work are hostname, ssh_authorized_keys, rancher.autologin',
    },
    { message: /"rancher\.debug"/, place: { line: 6, column: 3 } },
  ]);
  t.strictSame(seedWarnings({ file: 'c.yml', text: '#cloud-config\nhostname: a\n' }), []);
});

t.test('broken YAML is shown with its place', async t => {
  const text = '#cloud-config\nhostname: [\n';
  t.throws(() => formatSeed({ ...base, cloudConfig: { file: 'c.yml', text } }), {
    message: /c\.yml:\d+:\d+/,
  });
});

t.test("a throw-away key is in OpenSSH's formats, and its halves belong together", async t => {
  for (const comment of ['a', 'run', 'longer comment']) {
    const { privateKey, publicKey } = generateSshKey(comment);
    const [type, blob, said] = publicKey.split(/ (.*?) (.*)/s);
    t.equal(type, 'ssh-ed25519');
    t.equal(said, comment);
    const file = Buffer.from(privateKey.replaceAll(/-----.*-----|\s/g, ''), 'base64');
    const strings = readStrings(file.subarray('openssh-key-v1\0'.length), 3);
    t.same(strings.found.map(String), ['none', 'none', '']);
    t.equal(strings.rest.readUInt32BE(0), 1);
    const [outer, secret] = readStrings(strings.rest.subarray(4), 2).found;
    t.equal(outer?.toString('base64'), blob);
    t.equal((secret?.length ?? 1) % 8, 0);
    t.ok(secret?.subarray(0, 4).equals(secret.subarray(4, 8)), 'check words agree');
    const inner = readStrings(secret?.subarray(8) ?? Buffer.alloc(0), 4);
    const [, point, pair, innerComment] = inner.found;
    t.equal(String(innerComment), comment);
    t.ok(pair?.subarray(32).equals(point ?? Buffer.alloc(0)));
    t.same(
      [...inner.rest],
      Array.from(inner.rest, (_byte, index) => index + 1),
      'padding',
    );
    // PKCS #8 of an ed25519 seed (RFC 8410).
    const der = Buffer.concat([
      Buffer.from('302e020100300506032b657004220420', 'hex'),
      pair?.subarray(0, 32) ?? Buffer.alloc(0),
    ]);
    const derived = createPublicKey({ key: derToPem(der), format: 'pem' }).export({ format: 'jwk' });
    t.equal(derived.x, point?.toString('base64url'), 'the point is that of the seed');
  }
  t.not(generateSshKey('a').publicKey, generateSshKey('a').publicKey);
});

t.test('public keys are taken from files that hold one', async t => {
  const folder = t.testdir({
    'b.pub': `${key}\n`,
    'a.pub': 'ssh-rsa AAAAB3NzaC1yc2E=\n',
    'broken.pub': 'hello\n',
    'two.pub': `${key}\n${key}\n`,
    id_rsa: key,
  });
  t.same(await loadPublicKeys(folder), ['ssh-rsa AAAAB3NzaC1yc2E=', key]);
  t.same(await loadPublicKeys('/nonexistent'), []);
});

function derToPem(der: Buffer): string {
  return `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
}

function readStrings(bytes: Buffer, count: number): { found: Buffer[]; rest: Buffer } {
  const found: Buffer[] = [];
  let rest = bytes;
  for (let i = 0; i < count; i++) {
    const length = rest.readUInt32BE(0);
    found.push(rest.subarray(4, 4 + length));
    rest = rest.subarray(4 + length);
  }
  return { found, rest };
}
