/** What `bin/slipway` says on a computer that lacks something. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';

const root = join(import.meta.dirname, '../..');
const NEEDED = ['sh', 'dirname', 'readlink', 'uname', 'find', 'head', 'flock', 'touch'];

/** A checkout without its dependencies, and a folder with the only programs that there are. */
function bareComputer(t: Test): { start: () => { status: number | null; stderr: string }; programs: string } {
  const folder = t.testdir({ programs: {}, checkout: { src: {}, 'package-lock.json': '{}' } });
  const programs = join(folder, 'programs');
  cpSync(join(root, 'bin'), join(folder, 'checkout/bin'), { recursive: true });
  for (const name of NEEDED) {
    const found = spawnSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
    if (found !== '') symlinkSync(found, join(programs, name));
  }
  return {
    programs,
    start: () =>
      spawnSync(join(programs, 'sh'), [join(folder, 'checkout/bin/slipway'), '--version'], {
        env: { PATH: programs },
        encoding: 'utf8',
      }),
  };
}

function replace(programs: string, name: string, script: string): void {
  const path = join(programs, `${name}.new`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  spawnSync('/bin/mv', [path, join(programs, name)]);
}

t.test('another operating system', async t => {
  const { start, programs } = bareComputer(t);
  replace(programs, 'uname', 'echo Darwin');
  t.match(start(), { status: 78, stderr: /this computer is Darwin on Darwin.*\n {2}hint: use a Linux/ });
});

t.test('no npm', async t => {
  t.match(bareComputer(t).start(), { status: 78, stderr: /npm is not installed/ });
});

t.test('npm that does not get the dependencies', async t => {
  const { start, programs } = bareComputer(t);
  replace(programs, 'npm', 'exit 1');
  t.match(start(), { status: 69, stderr: /npm ci failed/ });
});

t.test('no pinned Node', async t => {
  const { start, programs } = bareComputer(t);
  replace(programs, 'npm', 'exit 0');
  mkdirSync(join(programs, '../checkout/node_modules'));
  t.match(start(), { status: 78, stderr: /the pinned Node .* is missing/ });
});
