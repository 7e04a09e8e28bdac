import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseHookFile } from '../../../../../src/shared/oci-hooks/hook-file.ts';
import { loadHooks } from '../../../../../src/machine/engine/hooks/load-hooks.ts';
import { matchHooks } from '../../../../../src/machine/engine/hooks/match-hooks.ts';

const FILE = '/etc/containers/oci/hooks.d/gpu.json';
const GOOD = {
  version: '1.0.0',
  hook: { path: '/usr/bin/true' },
  when: { always: true },
  stages: ['prestart'],
};
const read = (change: object = {}) => parseHookFile(JSON.stringify({ ...GOOD, ...change }), FILE);
const subject = { command: '/sbin/init', annotations: {}, hasBindMounts: false };

t.test('a file is read whole', async t => {
  t.match(read(), { hook: { path: '/usr/bin/true', timeout: 10 }, stages: ['prestart'] });
  const hook = { path: '/usr/bin/true', args: ['true', 'x'], env: ['A=b'], timeout: 30 };
  t.same(read({ hook }).hook, hook);
});

t.test('malformed files are refused with what is wrong', async t => {
  const bad: readonly [object, string][] = [
    [{ version: '0.1.0' }, '"version" is not "1.0.0"'],
    [{ stage: 'x' }, '"stage" is not known; here stand version, hook, when, stages'],
    [{ hook: undefined }, '"hook" is missing'],
    [{ hook: [] }, '"hook" is not an object'],
    [{ hook: { path: 'usr/bin/true' } }, '"hook.path" is not an absolute path'],
    [
      { hook: { path: '/x', arguments: [] } },
      '"hook.arguments" is not known; here stand path, args, env, timeout',
    ],
    [{ hook: { path: '/x', args: 'x' } }, '"hook.args" is not a list of texts'],
    [{ hook: { path: '/x', env: [1] } }, '"hook.env" is not a list of texts'],
    [{ hook: { path: '/x', timeout: 0 } }, '"hook.timeout" is not a number of seconds from 1 to 300'],
    [{ hook: { path: '/x', timeout: '5' } }, '"hook.timeout" is not a number of seconds from 1 to 300'],
    [{ hook: { path: '/x', timeout: 1000 } }, '"hook.timeout" is not a number of seconds from 1 to 300'],
    [{ when: undefined }, '"when" is missing'],
    [{ when: {} }, '"when" says nothing: write "always": true'],
    [{ when: { always: 'yes' } }, '"when.always" is neither true nor false'],
    [
      { when: { cmds: [] } },
      '"when.cmds" is not known; here stand always, annotations, commands, hasBindMounts',
    ],
    [{ when: { commands: 'x' } }, '"when.commands" is not a list of texts'],
    [{ when: { annotations: {} } }, '"when.annotations" is empty'],
    [{ when: { always: true, commands: [] } }, '"when.commands" is empty'],
    [{ when: { annotations: { a: 1 } } }, '"when.annotations" holds something that is not a text'],
    [{ stages: undefined }, '"stages" is missing'],
    [{ stages: [] }, '"stages" is empty'],
    [{ stages: ['prestop'] }, '"stages" holds "prestop", which is none of prestart, createRuntime,'],
  ];
  for (const [change, fault] of bad) {
    t.throws(() => read(change), { code: 'OCI_HOOK_INVALID', message: `OCI hook ${FILE}: ${fault}` }, fault);
  }
  t.throws(() => read({ when: { commands: ['('] } }), {
    message: /"when\.commands" holds "\(", which is no pattern: /,
  });
  t.throws(() => parseHookFile('{', FILE), { message: /it is not JSON/ });
  t.throws(() => parseHookFile('[]', FILE), { message: /it is not an object/ });
});

t.test('all conditions that are set have to hold', async t => {
  const hits = (when: object, change: Partial<typeof subject> = {}): boolean =>
    matchHooks([read({ when })], { ...subject, ...change }) !== undefined;
  t.equal(hits({ always: true }), true);
  t.equal(hits({ always: false }), false);
  t.equal(hits({ always: false, commands: ['init'] }), false);
  t.equal(hits({ commands: ['.*/init$'] }), true);
  t.equal(hits({ commands: ['^init', '^/sbin'] }), true, 'one of the commands');
  t.equal(hits({ commands: ['^init'] }), false);
  t.equal(hits({ always: true, commands: ['^init'] }), false);
  t.equal(hits({ hasBindMounts: true }), false);
  t.equal(hits({ hasBindMounts: true }, { hasBindMounts: true }), true);
  t.equal(hits({ hasBindMounts: false }), false);
  const annotations = { 'org.example.gpu': 'all', 'org.example.other': 'x' };
  t.equal(hits({ annotations: { '^org\\.example\\.gpu$': '^all$' } }, { annotations }), true);
  t.equal(hits({ annotations: { gpu: 'x' } }, { annotations }), false, 'name and value of one annotation');
  t.equal(hits({ annotations: { gpu: 'all', other: 'y' } }, { annotations }), false, 'each of the pairs');
  t.equal(hits({ annotations: { gpu: 'all' }, hasBindMounts: true }, { annotations }), false);
});

t.test('hooks stand by stage, in the order of the files', async t => {
  const [a, b] = [{ path: '/a' }, { path: '/b' }];
  const files = [
    read({ hook: a, stages: ['poststop', 'prestart'] }),
    read({ hook: b, stages: ['prestart'] }),
  ];
  const paths = Object.entries(matchHooks(files, subject) ?? {}).map(([stage, list]) => [
    stage,
    ...list.map(hook => hook.path),
  ]);
  t.same(paths, [
    ['prestart', '/a', '/b'],
    ['poststop', '/a'],
  ]);
  t.equal(matchHooks([], subject), undefined);
});

t.test('folders: sorted by name in lower case, the later one wins a name', async t => {
  const folder = t.testdir();
  const [shared, own] = [join(folder, 'shared'), join(folder, 'own')];
  for (const path of [shared, own]) mkdirSync(path);
  const put = (where: string, name: string, arg: string, change: object = {}) =>
    writeFileSync(
      join(where, name),
      JSON.stringify({ ...GOOD, hook: { path: process.execPath, args: [arg] }, ...change }),
    );
  put(shared, '01-UPPER.json', 'upper');
  put(shared, '01-lower.json', 'lower');
  put(own, '00-first.json', 'first');
  put(shared, '02-both.json', 'shared');
  put(own, '02-both.json', 'own');
  writeFileSync(join(own, 'README'), 'not a hook');
  const args = (await loadHooks([shared, own, join(folder, 'missing')])).map(file => file.hook.args?.[0]);
  t.same(args, ['first', 'lower', 'upper', 'own']);
  put(own, '03-gone.json', 'x', { hook: { path: '/nowhere/program' } });
  await t.rejects(loadHooks([own]), {
    code: 'OCI_HOOK_INVALID',
    message: /03-gone\.json: there is no \/nowhere/,
  });
  put(own, '03-gone.json', 'x', { hook: { path: '/in/the/container' }, stages: ['startContainer'] });
  t.equal((await loadHooks([own])).length, 3, 'what is run inside is looked for inside');
});
