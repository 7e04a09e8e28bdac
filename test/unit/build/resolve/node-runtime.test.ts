import { readFileSync } from 'node:fs';
import t from 'tap';
import runtime from '../../../../src/build/resolve/node-runtime.json' with { type: 'json' };

t.test('the Node that images get is the one that npm pins', async t => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { version: string; integrity: string }>;
  };
  for (const { npmPackage, version, integrity } of Object.values(runtime)) {
    t.match(lock.packages[`node_modules/${npmPackage}`], { version, integrity }, npmPackage);
  }
});
