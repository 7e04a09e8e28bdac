/** What the kernel's files are to a service, from its manifest to the runtime's configuration. */
import { readFileSync, readdirSync } from 'node:fs';
import t from 'tap';
import {
  MASKED_PATHS,
  READONLY_PATHS,
  formatOciSpec,
} from '../../../../src/machine/engine/runtime/oci-spec.ts';
import { planNamespaces } from '../../../../src/machine/engine/runtime/oci-namespaces.ts';
import { definitionToRequest } from '../../../../src/machine/services/definition-to-request.ts';
import { parseManifest } from '../../../../src/shared/manifest/parse-manifest.ts';
import { parseRecipe } from '../../../../src/shared/manifest/parse-recipe.ts';
import { type ImageFacts, defineServices } from '../../../../src/shared/service/define.ts';

/** The part of config.json that is about paths. */
function pathsOf(keys: string, facts?: ImageFacts) {
  const text = `services: [{name: a, image: x, ${keys}}]`;
  const { manifest } = parseManifest([{ name: 'm.yml', text }]);
  const [definition] = defineServices(manifest, () => facts).definitions;
  if (definition === undefined) throw new Error('no service');
  const request = definitionToRequest(definition);
  const { linux } = formatOciSpec({
    id: 'ab'.repeat(32),
    request,
    image: { Cmd: ['sh'] },
    rootPath: '/root-of-it',
    user: { uid: 0, gid: 0, additionalGids: [], home: '/root' },
    mounts: [],
    namespaces: planNamespaces(request.HostConfig ?? {}, () => 4711),
    devices: { nodes: [], rules: [] },
    openFiles: 4096,
    limits: true,
    arch: 'amd64',
    machineName: 'machine',
  });
  return { maskedPaths: linux.maskedPaths, readonlyPaths: linux.readonlyPaths };
}

const defaults = { maskedPaths: MASKED_PATHS, readonlyPaths: READONLY_PATHS };
const nothing = { maskedPaths: [], readonlyPaths: [] };

t.test('a service that is silent about it can write to no /proc/sys and sees no firmware', async t => {
  t.ok(READONLY_PATHS.includes('/proc/sys') && READONLY_PATHS.includes('/proc/sysrq-trigger'));
  t.same(pathsOf('capabilities: [CAP_CHOWN]'), defaults);
  t.same(pathsOf('', { kind: 'recipe', config: {} }), defaults);
  t.same(pathsOf('', { kind: 'oci', labels: { 'org.mobyproject.config': '{"pid":"host"}' } }), defaults);
});

t.test('what is written holds, and who may do everything is not held up', async t => {
  t.same(pathsOf('maskedPaths: [], readonlyPaths: []'), nothing);
  t.same(pathsOf('readonlyPaths: [/proc/bus]'), { ...defaults, readonlyPaths: ['/proc/bus'] });
  t.same(pathsOf('privileged: true'), nothing);
  t.same(pathsOf('capabilities: [all]'), nothing);
});

t.test("Slipway's own images: only those that administer the machine are without", async t => {
  const folder = 'system-images';
  const names = readdirSync(folder);
  t.ok(names.includes('network'));
  for (const name of names) {
    const { config } = parseRecipe(name, readFileSync(`${folder}/${name}/image.yml`, 'utf8'));
    const paths = pathsOf('', { kind: 'recipe', config });
    if (name === 'console' || name === 'udev') t.same(paths, nothing, name);
    else if (name === 'network') {
      t.same(paths.maskedPaths, MASKED_PATHS, name);
      const isWritable = (path: string): boolean =>
        !paths.readonlyPaths.some(folder => path === folder || path.startsWith(`${folder}/`));
      t.ok(isWritable('/proc/sys/net/ipv6/conf/eth0/accept_ra'), 'which dhcpcd sets');
      t.ok(isWritable('/proc/sys/kernel/hostname'), 'which the network may give');
      for (const path of [
        '/proc/sysrq-trigger',
        '/proc/sys/kernel/core_pattern',
        '/proc/sys/kernel/modprobe',
      ]) {
        t.notOk(isWritable(path), path);
      }
    } else t.same(paths, defaults, name);
  }
});
