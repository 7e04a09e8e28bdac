import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CGROUPS, CORE, MEDIUM, RUN, STATE } from '../../../src/shared/paths.ts';

const folder = join(import.meta.dirname, '../../../init');
const scripts = readdirSync(folder).filter(name => !name.includes('.') && name !== 'inittab');

t.test('each script is at most 80 lines', async t => {
  t.ok(scripts.length > 8, 'the scripts are found');
  for (const name of scripts) {
    const lines = readFileSync(join(folder, name), 'utf8').trimEnd().split('\n').length;
    t.ok(lines <= 80, `${name} has ${lines}`);
  }
});

t.test('each script is valid POSIX shell', async t => {
  for (const name of scripts) {
    t.doesNotThrow(() => execFileSync('/bin/sh', ['-n', join(folder, name)], { stdio: 'pipe' }), name);
  }
});

t.test('scripts spell paths as src/shared/paths.ts does', async t => {
  const text = scripts.map(name => readFileSync(join(folder, name), 'utf8')).join('\n');
  const paths = [
    ...[RUN.earlyTimeline, RUN.failedFileSystems, RUN.shutdown, RUN.pidFile, RUN.consoleAutologin, RUN.state],
    ...[
      MEDIUM.table,
      MEDIUM.inInitrd,
      MEDIUM.mountPoint,
      MEDIUM.fileSystems,
      CORE.machineImage.replace(/[^/]+$/, ''),
    ],
    ...[STATE.mountPoint, `/sys/fs/cgroup${CGROUPS.engine}`, `/sys/fs/cgroup${CGROUPS.services}`],
  ];
  for (const path of paths) t.ok(text.includes(path), path);
});

t.test('the README lists every file', async t => {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  for (const name of readdirSync(folder))
    if (name !== 'README.md') t.ok(readme.includes(`\`${name}\``), name);
});
