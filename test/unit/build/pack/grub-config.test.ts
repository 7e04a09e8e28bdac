import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { formatGrubConfig } from '../../../../src/build/pack/grub-config.ts';

const template = readFileSync(join(import.meta.dirname, '../../../../iso/grub.cfg'), 'utf8');
const values = {
  title: 'demo 1.0',
  buildId: 'b0',
  commandLine: 'console=ttyS0 quiet',
  fileSystems: ['core'],
};

t.test('the template has nothing left to fill in', async t => {
  const config = formatGrubConfig(template, values);
  t.notMatch(config, /@[A-Z_]+@/);
  t.match(config, /linux \/slipway\/b0\/vmlinuz console=ttyS0 quiet\n/);
  t.match(config, /linux \/slipway\/b0\/vmlinuz console=ttyS0 quiet slipway\.rescue\n/);
});

t.test('"run from memory" names every file system', async t => {
  const config = formatGrubConfig(template, { ...values, fileSystems: ['core', 'docker'] });
  t.match(
    config,
    'initrd /slipway/b0/initrd newc:slipway/fs/core.sqfs:/slipway/b0/core.sqfs newc:slipway/fs/docker.sqfs:/slipway/b0/docker.sqfs\n',
  );
});

t.test("GRUB's own signs are quoted", async t => {
  const config = formatGrubConfig(template, { ...values, commandLine: 'a=$x;reboot {b} c#d  e=1,2' });
  t.match(config, "vmlinuz 'a=$x;reboot' '{b}' 'c#d' e=1,2\n");
});

t.test('a title can not end its quotes', async t => {
  const config = formatGrubConfig(template, { ...values, title: "x' { reboot\n" });
  t.match(config, "menuentry 'x? { reboot?' --id normal");
});

for (const [name, commandLine] of [
  ['double quotes', 'dyndbg="file x +p"'],
  ['single quotes', "a='b'"],
  ['a backslash', 'a\\b'],
  ['a line break', 'a\nmenuentry'],
  ['a letter outside ASCII', 'a=é'],
  ['2000 characters', 'x'.repeat(2000)],
] as const) {
  t.test(`a kernel command line with ${name} is refused`, async t => {
    t.throws(() => formatGrubConfig(template, { ...values, commandLine }), {
      code: 'COMMAND_LINE_UNSUPPORTED',
    });
  });
}
