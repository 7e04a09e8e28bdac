import t from 'tap';
import { parsePsOptions } from '../../../../../src/machine/engine/containers/top.ts';

const titles = (options: string): string =>
  parsePsOptions(options)
    .map(({ title }) => title)
    .join(' ');

t.test('options of ps', async t => {
  const full = 'UID PID PPID C STIME TTY TIME CMD';
  for (const options of ['', '-ef', 'ef', '-Af']) t.equal(titles(options), full, options);
  for (const options of ['aux', '-aux', 'auxww']) {
    t.equal(titles(options), 'USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND', options);
  }
  for (const options of ['-o pid,comm', '-opid,comm', '-eo pid,comm', 'axo pid,comm', '-o pid -o comm']) {
    t.equal(titles(options), 'PID COMMAND', options);
  }
});

t.test('attack: anything else', async t => {
  for (const options of [
    '-o pid=x',
    '-o __proto__',
    '-o constructor',
    '--help',
    '-C sh',
    '; reboot',
    '-ef x',
  ]) {
    t.throws(() => parsePsOptions(options), { code: 'ENGINE_INVALID_PARAMETER' }, options);
  }
});
